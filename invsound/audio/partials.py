"""The partials of a decaying sound, resolved more finely than by a Fourier transform."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

SHORTEST = 10.0  # samples: what decays faster is a click, no partial


class Partials(NamedTuple):
    """x(t) ≈ Re Σ_k a_k e^{(−σ_k + iω_k) t}, loudest first, t in seconds from x[0].

    `omega` [K] in rad/s, `sigma` [K] in 1/s, `amplitude` [K] complex. `deviation` [K] is the least standard deviation (Cramér–Rao) that
    white noise, as loud as what the partials leave unexplained, allows for either of ω and σ, √(16σ³/(sample_rate |a|²)) times its RMS.
    """

    omega: Tensor
    sigma: Tensor
    amplitude: Tensor
    deviation: Tensor


def partials(x: Tensor, sample_rate: float, *, most: int = 80, num_samples: int = 16384, seed: int = 0) -> Partials:
    """Up to `most` damped sinusoids whose sum is x [N] in its first `num_samples` samples; none in silence or white noise.

    ESPRIT (Roy & Kailath, IEEE TASSP 37, 1989) for damped sinusoids (Badeau, Boyer & David, IEEE TSP 54, 2006): the Hankel matrix
    H[i, j] = x[i + j] of a sum of r exponentials z^n has rank r. A basis U of its range satisfies U[1:] = U[:-1] Φ, and the
    eigenvalues of Φ are the z. The range is found by randomized subspace iteration (Halko, Martinsson & Tropp, SIAM Review 53, 2011),
    where H is applied by FFT; its rank is the number of singular values above those of white noise.

    Cut x where the sound begins: silence before it, and an attack that is no free decay, are no sums of sinusoids. Without noise,
    frequencies much nearer than 1/duration are told apart. Computed in float64, on the device of x; `seed` starts the iteration.
    """
    L = (min(len(x), num_samples) + 1) // 2
    x = x.detach()[: 2 * L - 1].double()
    scale = float(x.abs().max()) if len(x) else 0.0
    if L < 8 or not 0 < scale < math.inf:
        return Partials(*(x.new_empty(0, dtype=dtype) for dtype in (x.dtype, x.dtype, torch.complex128, x.dtype)))
    s, U = _range(x / scale, min(2 * most, L // 2), seed)
    noise = _noise(x / scale, s)
    above = s > noise * math.sqrt(2 * L * math.log(L)) + 1e-13 * L  # that of white noise, and of rounding
    z, a = _poles(U[:, above], x)
    T, omega, sigma = L / sample_rate, z.angle() * sample_rate, -z.abs().log() * sample_rate
    kept = (z.imag > 0) & (sigma * T > -1) & (sigma < sample_rate / SHORTEST) & (a.abs() > 0) & a.isfinite()
    omega, sigma, a = omega[kept], sigma[kept].clamp_min(0), 2 * a[kept]
    deviation = (16 * sigma.clamp_min(1 / T) ** 3 / sample_rate).sqrt() * noise * scale / a.abs()
    order = modal_energy(sigma, a, T).argsort(descending=True)
    return Partials(omega[order], sigma[order], a[order], deviation[order])


def modal_energy(sigma: Tensor, amplitude: Tensor, duration: float) -> Tensor:
    """∫ ½|a|² e^{−2σt} dt over `duration` seconds."""
    decay = (2 * sigma * duration).clamp_min(1e-6)
    return amplitude.abs() ** 2 / 2 * duration * -torch.expm1(-decay) / decay


def _range(x: Tensor, r: int, seed: int, iterations: int = 3) -> tuple[Tensor, Tensor]:
    """The r largest singular values of the square Hankel matrix of x, which is symmetric, and their vectors [L, r]."""
    L, n = (len(x) + 1) // 2, 1 << (len(x) - 1).bit_length()
    X = torch.fft.rfft(x, n)

    def H(rows: Tensor) -> Tensor:
        product: Tensor = torch.fft.irfft(X * torch.fft.rfft(rows, n).conj(), n)[:, :L]
        return product

    Q = torch.randn(r, L, generator=torch.Generator().manual_seed(seed), dtype=x.dtype).to(x.device)
    for _ in range(iterations):
        Q = torch.linalg.qr(H(Q).mT)[0].mT
    small = H(Q) @ Q.mT
    values, vectors = torch.linalg.eigh((small + small.mT) / 2)
    order = values.abs().argsort(descending=True)
    return values[order].abs(), Q.mT @ vectors[:, order]


def _noise(x: Tensor, s: Tensor) -> Tensor:
    """RMS of the white noise whose Hankel matrix would make up what the singular values s leave of ‖H‖²."""
    L = (len(x) + 1) // 2
    count = L - (torch.arange(len(x), device=x.device) - L + 1).abs()  # how often x[n] is in H
    return ((count * x**2).sum() - (s**2).sum()).clamp_min(0).sqrt() / L


def _poles(U: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """z and a with x[n] = Σ a z^n: in the basis U, an eigenvector of Φ is a column z^n up to its scale."""
    last = U[-1]
    P = U[:-1].mT @ U[1:]
    Phi = P + torch.outer(last, last @ P) / (1 - last @ last).clamp_min(1e-12)
    z, W = torch.linalg.eig(Phi)
    coordinates = torch.linalg.solve_ex(W, (U.mT @ x[: len(U)]).to(W))[0]
    return z, coordinates * (U[0].to(W) @ W)
