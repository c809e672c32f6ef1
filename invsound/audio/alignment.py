"""Gain, onset and end: what a recording has and a synthesizer does not model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

TRUSTED = 0.95  # correlation above which the two are the same event
EXPLAINED = 0.98  # above which what is left may be noise: a plain tone comes as near to another
TAPER = 0.005  # s


@dataclass(frozen=True)
class Alignment:
    """x(t) ≈ gain · x̂(t − lag): the gain (negative: polarity inverted), the lag in samples, and the correlation there, in [−1, 1]."""

    gain: float
    lag: float
    correlation: float

    @property
    def trusted(self) -> bool:
        """Whether the two sounds are alike enough for gain and lag to mean something."""
        return abs(self.correlation) >= TRUSTED

    @property
    def explained(self) -> bool:
        """Whether one sound is the other, but for what was recorded beside it."""
        return abs(self.correlation) >= EXPLAINED


def align(x: Tensor, x_hat: Tensor, reach: int) -> Alignment:
    """The lag within ±`reach` samples at which |⟨x, x̂⟩| is largest, to a fraction of a sample, and the least-squares gain there.

    The correlation is that of the band-limited signals: its spectrum is X X̂*, so that between samples it and its derivatives are sums too.
    """
    n = 2 ** math.ceil(math.log2(len(x) + reach + 1))
    cross = torch.fft.rfft(x.double(), n) * torch.fft.rfft(x_hat.double(), n).conj()
    c = torch.fft.irfft(cross, n)
    window = torch.cat([c[len(c) - reach :], c[: reach + 1]])
    lag = float(window.abs().argmax()) - reach
    omega = 2 * math.pi * torch.arange(len(cross), dtype=torch.float64, device=x.device) / n
    for _ in range(5):  # Newton's method on the derivative
        turned = cross * torch.polar(torch.ones_like(omega), omega * lag)
        slope, curvature = float((omega * turned.imag).sum()), float((omega**2 * turned.real).sum())
        lag += min(max(-slope / curvature, -0.5), 0.5) if curvature else 0.0
    turned = cross * torch.polar(torch.ones_like(omega), omega * lag)
    peak = float(2 * turned.real.sum() - turned[0].real - turned[-1].real) / n
    power, power_hat = float(x.double().square().sum()), float(x_hat.double().square().sum())
    return Alignment(peak / power_hat if power_hat else 0.0, lag, peak / math.sqrt(power * power_hat) if power * power_hat else 0.0)


def undo(x: Tensor, alignment: Alignment) -> Tensor:
    """x with its lag and gain taken back, band-limited; what is shifted in is silence."""
    n = 2 ** math.ceil(math.log2(len(x) + abs(alignment.lag) + 256))
    omega = 2 * math.pi * torch.arange(n // 2 + 1, dtype=torch.float64, device=x.device) / n
    turned = torch.fft.rfft(x.double(), n) * torch.polar(torch.ones_like(omega), omega * alignment.lag)
    aligned: Tensor = torch.fft.irfft(turned, n)[: len(x)] / alignment.gain
    return aligned.to(x)


def until(end: float | None, num_samples: int, sample_rate: float) -> Tensor:
    """w [N], under which a sound is compared with a recording that ends early: 0 from the sample `end` on, half a cosine of 5 ms before
    it, and 1 elsewhere; all 1 if `end` is None or the whole."""
    if end is None or end >= num_samples:
        return torch.ones(num_samples)
    left = (end - torch.arange(num_samples, dtype=torch.float64)) / (TAPER * sample_rate)
    return (torch.sin(math.pi / 2 * left.clamp(0, 1)) ** 2).float()
