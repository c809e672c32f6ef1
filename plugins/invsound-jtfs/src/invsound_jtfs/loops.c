/* The modulus of z = P ± iQ, and what its derivatives need, in one pass over products P = aY and Q = bY that are still in cache.

   Complex numbers are pairs of `real`, which the compiler's command line says to be float or double. Products are [R, C, t]; column 0 is
   the sound, the others are tangents. Rows from `alone` on serve both spins, +i and −i; those of the negative spin come last. */

#include <math.h>
#include <tgmath.h>

/* Of t numbers z: |z| into m, real parts and then imaginary parts of z/|z| into u; `tiny` in place of |z| where it is less. */
static void phases(const real *p, const real *q, real sign, long t, real tiny, real *restrict m, real *restrict u)
{
    for (long i = 0; i < t; i++) {
        real re = p[2 * i] - sign * q[2 * i + 1], im = p[2 * i + 1] + sign * q[2 * i];
        m[i] = sqrt(re * re + im * im);
        real inverse = 1 / (m[i] > tiny ? m[i] : tiny);
        u[i] = re * inverse;
        u[t + i] = im * inverse;
    }
}

static void put(const real *m, long t, int total, real *out)
{
    real sum = 0;
    for (long i = 0; i < t; i++)
        if (total)
            sum += m[i];
        else
            out[i] = m[i];
    if (total)
        *out += sum;
}

static void spin(const real *p, const real *q, real sign, long C, long t, real tiny, int total, real *out, long column)
{
    real m[t], u[2 * t];
    if (C > 1)
        phases(p, q, sign, t, tiny, m, u);
    else
        for (long i = 0; i < t; i++) {
            real re = p[2 * i] - sign * q[2 * i + 1], im = p[2 * i + 1] + sign * q[2 * i];
            m[i] = sqrt(re * re + im * im);
        }
    put(m, t, total, out);
    for (long c = 1; c < C; c++) {
        p += 2 * t, q += 2 * t, out += column;
        for (long i = 0; i < t; i++)
            m[i] = u[i] * (p[2 * i] - sign * q[2 * i + 1]) + u[t + i] * (p[2 * i + 1] + sign * q[2 * i]);
        put(m, t, total, out);
    }
}

/* |z|, then Re(z̄ dz)/|z| of the tangents: written to out[row][column][i], or added up over time into out[row][column][0]. */
void push(const real *P, const real *Q, long R, long alone, long C, long t, double tiny, int total, real *out, long row, long column)
{
    for (long r = 0; r < R; r++, P += 2 * C * t, Q += 2 * C * t) {
        spin(P, Q, 1, C, t, tiny, total, out + r * row, column);
        if (r >= alone)
            spin(P, Q, -1, C, t, tiny, total, out + (r + R - alone) * row, column);
    }
}

/* The adjoint of the derivative, one column: gradients m[row][i] of |z| in, those of P and Q out, in the place of P and Q. */
void pull(real *P, real *Q, long R, long alone, long t, double tiny, const real *m, long row, long step)
{
    real size[t], u[2 * t], v[2 * t];
    for (long r = 0; r < R; r++, P += 2 * t, Q += 2 * t) {
        const real *plus = m + r * row, *minus = m + (r + R - alone) * row;
        phases(P, Q, 1, t, tiny, size, u);
        for (long i = 0; i < t; i++)
            u[i] *= plus[i * step], u[t + i] *= plus[i * step];
        if (r >= alone) {
            phases(P, Q, -1, t, tiny, size, v);
            for (long i = 0; i < t; i++)
                v[i] *= minus[i * step], v[t + i] *= minus[i * step];
        } else
            for (long i = 0; i < 2 * t; i++)
                v[i] = 0;
        for (long i = 0; i < t; i++) {
            P[2 * i] = u[i] + v[i], P[2 * i + 1] = u[t + i] + v[t + i];
            Q[2 * i] = u[t + i] - v[t + i], Q[2 * i + 1] = v[i] - u[i];
        }
    }
}

/* |z| of C columns as above, of numbers that are no products: z [R, C, t] to m [R, C, t]. */
void modulus(const real *z, long R, long C, long t, double tiny, real *m)
{
    enum { LONGEST = 1024 };
    for (long r = 0; r < R; r++)
        for (long at = 0; at < t; at += LONGEST) {
            const real *p = z + 2 * (r * C * t + at);
            long n = t - at < LONGEST ? t - at : LONGEST;
            real u[2 * LONGEST];
            phases(p, p, 0, n, tiny, m + r * C * t + at, u);
            for (long c = 1; c < C; c++)
                for (long i = 0; i < n; i++)
                    m[(r * C + c) * t + at + i] = u[i] * p[2 * (c * t + i)] + u[n + i] * p[2 * (c * t + i) + 1];
        }
}

/* The adjoint of the derivative of |z|, one column: z [n] becomes m z/|z|. */
void turn(real *z, long n, double tiny, const real *m)
{
    for (long i = 0; i < n; i++) {
        real size = sqrt(z[2 * i] * z[2 * i] + z[2 * i + 1] * z[2 * i + 1]), scale = m[i] / (size > (real)tiny ? size : (real)tiny);
        z[2 * i] *= scale, z[2 * i + 1] *= scale;
    }
}
