"""The clock of a sound whose pitches fall together: heard, and set right."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor

SAMPLES = 16384  # that are heard
LEAST = 2e-3
GLIDES, TIMES = 24, 10  # tried


def clock(t: Tensor, glide: Tensor | float, time: Tensor | float) -> Tensor:
    """t̃ = t − δ (t − T_g (1 − e^{−t/T_g})), seconds; see `StruckDrum`."""
    return t - glide * (t + time * torch.expm1(-t / time))


def steady(x: Tensor, sample_rate: float, glide: float, time: float) -> Tensor:
    """m [n] of the sound x(t) = m(t̃(t)) [N], read between its samples along straight lines: its pitches stay."""
    t = torch.arange(len(x), dtype=torch.float64) / sample_rate
    slow = clock(t, glide, time)
    even = np.arange(math.floor(float(slow[-1]) * sample_rate) + 1) / sample_rate
    return torch.from_numpy(np.interp(np.interp(even, slow, t), t, x.double())).to(x)


def glide(x: Tensor, sample_rate: float, most: float, times: tuple[float, float]) -> tuple[float, float]:
    """δ ≤ `most` and T_g within `times` of the clock that leaves x [N] the spectrum of least entropy: pitches that stay are lines."""

    def entropy(tried: tuple[float, float]) -> float:
        m = steady(x[:SAMPLES], sample_rate, *tried)
        fading = 0.5 + 0.5 * torch.cos(math.pi * torch.arange(len(m)).to(m) / len(m))
        power = torch.fft.rfft(m * fading, 2 * SAMPLES).abs().square()
        share = power / power.sum()
        return -float(torch.xlogy(share, share).sum())

    falling = itertools.product(np.geomspace(LEAST, most, GLIDES).tolist(), np.geomspace(*times, TIMES).tolist())
    return min([(0.0, times[0]), *falling], key=entropy)
