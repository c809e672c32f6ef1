/* The modulus of z = P ± iQ of products P = aY and Q = bY, and what its derivatives need, in one pass.

   Complex numbers are pairs of `real`, which the compiler's command line says to be float or double. Products are [R, C, t]; column 0 is
   the sound, the others are tangents. Rows from `alone` on serve both spins, +i and −i; those of the negative spin come last. */

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-vectorize", "vect-cost-model=dynamic") /* as fast as -O3, and built in a sixth of its time */
#endif
#include <math.h>
#include <string.h>
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

/* Time in vectors of the machine's width: V samples at once. */
#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
enum { V = BYTES / sizeof(real) };
typedef real vec __attribute__((vector_size(BYTES)));
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define EACH(i, n) _Pragma("GCC unroll 2") for (int i = 0; i < n; i++) /* n is 1 or 2 */
#define INLINE static inline __attribute__((always_inline))

INLINE vec root(vec x)
{
    real a[V];
    __builtin_memcpy(a, &x, sizeof x);
    for (int i = 0; i < V; i++)
        a[i] = sqrt(a[i]);
    __builtin_memcpy(&x, a, sizeof x);
    return x;
}

INLINE vec at_least(vec x, real least)
{
    real a[V];
    __builtin_memcpy(a, &x, sizeof x);
    for (int i = 0; i < V; i++)
        a[i] = a[i] > least ? a[i] : least;
    __builtin_memcpy(&x, a, sizeof x);
    return x;
}

/* Of a stretch of t samples: real and imaginary parts apart, as they are read later, [t / V][C][n][2]; zeros after the end. */
static void pack(const real *Y, long n, long C, long t, long row, long column, vec *out)
{
    for (long at = 0; at < t; at += V)
        for (long c = 0; c < C; c++)
            for (long k = 0; k < n; k++, out += 2) {
                const real *p = Y + 2 * (k * row + c * column + at);
                real re[V] = {0}, im[V] = {0};
                if (t - at >= V)
                    for (int i = 0; i < V; i++)
                        re[i] = p[2 * i], im[i] = p[2 * i + 1];
                else
                    for (int i = 0; i < t - at; i++)
                        re[i] = p[2 * i], im[i] = p[2 * i + 1];
                __builtin_memcpy(out, re, sizeof re);
                __builtin_memcpy(out + 1, im, sizeof im);
            }
}

/* `rows` rows of a and of b, one or two, meet the packed columns; the moduli of row i and spin s go to out[s] + i * row. */
INLINE void meet(const vec *y, long n, long first, long last, long C, long t, const real *a, const real *b, int rows, int spins,
                 real tiny, int total, real *const out[2], long row, long column)
{
    vec sum[C][2][2];
    for (long c = 0; c < C; c++)
        EACH(i, rows)
            EACH(s, spins)
                sum[c][i][s] = (vec){0};
    for (long at = 0; at < t; at += V) {
        vec u[2][2], v[2][2];
        for (long c = 0; c < C; c++, y += 2 * n) {
            vec P[2] = {{0}}, iP[2] = {{0}}, Q[2] = {{0}}, iQ[2] = {{0}};
            for (long k = first; k < last; k++)
                EACH(i, rows) {
                    P[i] += a[i * n + k] * y[2 * k], iP[i] += a[i * n + k] * y[2 * k + 1];
                    Q[i] += b[i * n + k] * y[2 * k], iQ[i] += b[i * n + k] * y[2 * k + 1];
                }
            EACH(i, rows)
                EACH(s, spins) {
                    vec re = s ? P[i] + iQ[i] : P[i] - iQ[i], im = s ? iP[i] - Q[i] : iP[i] + Q[i], m;
                    if (c)
                        m = u[i][s] * re + v[i][s] * im;
                    else {
                        m = root(re * re + im * im);
                        if (C > 1) {
                            vec inverse = 1 / at_least(m, tiny);
                            u[i][s] = re * inverse, v[i][s] = im * inverse;
                        }
                    }
                    real *here = out[s] + i * row + c * column + at;
                    if (total)
                        sum[c][i][s] += m;
                    else if (t - at >= V)
                        __builtin_memcpy(here, &m, sizeof m);
                    else
                        __builtin_memcpy(here, &m, sizeof(real) * (t - at));
                }
        }
    }
    for (long c = 0; total && c < C; c++)
        EACH(i, rows)
            EACH(s, spins)
                for (int k = 0; k < V; k++)
                    out[s][i * row + c * column] += sum[c][i][s][k];
}

/* z = aY ± ibY of columns Y [n][C][t] and matrices a above b, R rows each, negligible outside their spans: |z|, then Re(z̄ dz)/|z| of
   the tangents, written to out[row][column][i], or added up over time onto out[row][column][0]. `work` holds 2 n C `stretch` numbers,
   and `stretch` is a number of whole vectors. */
void push(const real *Y, long n, long C, long t, long row_in, long column_in, const real *ab, const long (*spans)[2],
          long R, long alone, double tiny, int total, real *out, long row, long column, vec *work, long stretch)
{
    for (long at = 0; at < t; at += stretch) {
        long now = t - at < stretch ? t - at : stretch;
        pack(Y + 2 * at, n, C, now, row_in, column_in, work);
        for (long r = 0, rows; r < R; r += rows) {
            real *positive = out + r * row + (total ? 0 : at), *const to[2] = {positive, positive + (R - alone) * row};
            rows = (r < alone ? alone : R) - r > 1 ? 2 : 1;
            long first = MIN(spans[r][0], spans[r + rows - 1][0]), last = -MIN(-spans[r][1], -spans[r + rows - 1][1]);
#define MEET(rows, spins) meet(work, n, first, last, C, now, ab + r * n, ab + (R + r) * n, rows, spins, tiny, total, to, row, column)
            if (r < alone)
                rows == 1 ? MEET(1, 1) : MEET(2, 1);
            else
                rows == 1 ? MEET(1, 2) : MEET(2, 2);
        }
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

/* Rows of half spectra [rows][bins] to full spectra [rows][size]: of each piece {target, source, bins, mirrored} every bin is multiplied by
   its two weights, of its real and its imaginary part. They fill the first `filled` bins, if that is known; `folded`, they overlap. */
void band(const real *in, long rows, long bins, const long (*pieces)[4], long count, const real *weights, long filled, int folded,
          real *out, long size)
{
    for (long r = 0; r < rows; r++, in += 2 * bins, out += 2 * size) {
        const real *w = weights;
        memset(out + 2 * filled, 0, sizeof(real) * 2 * (size - filled));
        for (long p = 0; p < count; w += 2 * pieces[p++][2]) {
            long n = pieces[p][2];
            real *to = out + 2 * pieces[p][0];
            const real *from = in + 2 * pieces[p][1];
            if (!folded && !pieces[p][3])
                for (long i = 0; i < 2 * n; i++)
                    to[i] = w[i] * from[i];
            else
                for (long i = 0; i < n; i++) {
                    long k = pieces[p][3] ? n - 1 - i : i;
                    real re = w[2 * i] * from[2 * k], im = w[2 * i + 1] * from[2 * k + 1];
                    to[2 * i] = folded ? to[2 * i] + re : re;
                    to[2 * i + 1] = folded ? to[2 * i + 1] + im : im;
                }
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
