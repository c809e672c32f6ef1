"""The pitch of a recording: which series of harmonics explains the peaks of its spectrum."""

from __future__ import annotations

import math

import torch
from torch import Tensor

HARMONICS = 12
SHORTEST = 2048  # samples
FRAME = 0.02  # s, a period of the lowest pitch or so


def pitches(x: Tensor, sample_rate: float, low: float, high: float, count: int) -> Tensor:
    """The `count` likeliest f0 [count] in Hz between `low` and `high`, best first.

    The sound is made stationary by its own short-time level, its spectral peaks are measured in nepers above the noise around
    them, and each f0 scores what its first twelve harmonics explain (a fundamental counts half as much again), less half of what
    they leave unexplained in their range, less a toll for each harmonic: half the pitch has as many peaks and twice the tolls.
    """
    level = moving_average(x**2, round(FRAME * sample_rate)).clamp(min=0)
    y = heard(x / (level + 1e-8 * level.amax() + torch.finfo(x.dtype).tiny).sqrt(), level > 1e-5 * level.amax())
    peaks, bin_width = _peaks(y, sample_rate)
    near = _pool(peaks, 2)
    f = low * 2 ** torch.arange(0, math.log2(high / low) + 1e-4, 1 / 4800, dtype=x.dtype, device=x.device)
    bins = f[:, None] * torch.arange(1, HARMONICS + 1, dtype=x.dtype, device=x.device) / bin_width
    reach = ((HARMONICS + 0.5) * f / bin_width).round().long().clamp(max=len(peaks) - 1)
    inside = bins < len(peaks) - 1
    explained = torch.where(inside, near[bins.round().long().clamp(max=len(peaks) - 1)], 0)
    explained = explained.sum(1) + 0.5 * explained[:, 0]
    score = 1.5 * explained - 0.5 * peaks.cumsum(0)[reach] - 2 * inside.sum(1)
    score = score + 1e-3 * torch.nn.functional.avg_pool1d(score[None], 9, 1, 4)[0]  # so that plateaus have a middle
    found = []
    for _ in range(count):
        found.append(f[score.argmax()])
        score = score.masked_fill((f / found[-1]).log2().abs() < 0.02, -torch.inf)
    return torch.stack([sharpened(y, sample_rate, f0) for f0 in found])


def heard(y: Tensor, mask: Tensor) -> Tensor:
    """y [N] from the first to the last sample of the mask, or more so that it has enough to tell frequencies."""
    where = mask.nonzero()
    first = min(int(where[0]), len(y) - SHORTEST)
    return y[first : max(int(where[-1]) + 1, first + SHORTEST)]


def _peaks(y: Tensor, sample_rate: float) -> tuple[Tensor, float]:
    """ln of the power of each local maximum of the spectrum over 30 times the noise around it, 0 elsewhere, and the width of a bin."""
    power = torch.fft.rfft(y * torch.hann_window(len(y), dtype=y.dtype, device=y.device), 2 * len(y)).abs().square()
    noise = power[: len(power) // 128 * 128].unflatten(0, (-1, 128)).median(1).values
    floor = torch.nn.functional.interpolate(noise[None, None], size=len(power), mode="linear")[0, 0]
    height = (power / (30 * floor + 1e-12 * power.amax() + torch.finfo(y.dtype).tiny)).clamp(min=1).log()
    return torch.where(power == _pool(power, 6), height, 0), sample_rate / (2 * len(y))


def _pool(values: Tensor, radius: int) -> Tensor:
    return torch.nn.functional.max_pool1d(values[None], 2 * radius + 1, 1, radius)[0]


def sharpened(y: Tensor, sample_rate: float, f0: Tensor) -> Tensor:
    """f0 [Hz] moved, by half a cycle in the whole sound at most, to where the logarithms of the harmonics' energies sum to most."""
    window = torch.hann_window(len(y), dtype=y.dtype, device=y.device)
    k = torch.arange(1, max(1, min(HARMONICS, int(0.48 * sample_rate / float(f0)))) + 1, dtype=y.dtype, device=y.device)
    span = 0.5 * sample_rate / len(y)
    for shrink in (1, 8, 64, 512):
        f = f0 + span / shrink * torch.linspace(-1, 1, 21, dtype=y.dtype, device=y.device)
        power = harmonic_transform(y * window, 2 * math.pi / sample_rate * (f[:, None] * k).flatten()).abs().square()
        f0 = f[(power + 1e-6 * power.amax() + torch.finfo(y.dtype).tiny).log().unflatten(0, (21, -1)).sum(1).argmax()]
    return f0


def harmonic_transform(y: Tensor, omega: Tensor) -> Tensor:
    """Σ_n y[n] e^{−iωn} at any ω [F] in rad/sample, n = a n₁ + n₂, from two small tables."""
    a = math.isqrt(len(y) - 1) + 1
    square = torch.nn.functional.pad(y, (0, a * a - len(y))).unflatten(0, (a, a))
    n = torch.arange(a, dtype=y.dtype, device=y.device)[:, None]
    fine, coarse = torch.exp(-1j * n * omega), torch.exp(-1j * a * n * omega)
    return ((square.to(fine.dtype) @ fine) * coarse).sum(0)


def harmonic_sum(amplitude: Tensor, omega: Tensor, num_samples: int) -> Tensor:
    """Re Σ_k A_k e^{iω_k n} [N] for complex A: the transpose of `harmonic_transform`."""
    a = math.isqrt(num_samples - 1) + 1
    n = torch.arange(a, dtype=omega.dtype, device=omega.device)[:, None]
    return ((amplitude * torch.exp(1j * a * n * omega)) @ torch.exp(1j * n * omega).mT).real.flatten()[:num_samples]


def moving_average(values: Tensor, length: int) -> Tensor:
    """The mean of `values` [..., n] over `length` samples around each, fewer at the ends."""
    n = values.shape[-1]
    length = max(1, min(length, n))
    total = torch.nn.functional.pad(values.cumsum(-1), (1, 0))
    first = torch.arange(n, device=values.device) - length // 2
    start, stop = first.clamp(min=0), (first + length).clamp(max=n)
    return (total[..., stop] - total[..., start]) / (stop - start)
