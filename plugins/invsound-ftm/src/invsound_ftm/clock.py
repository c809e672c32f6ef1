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
HALVINGS = 7


def clock(t: Tensor, glide: Tensor | float, time: Tensor | float) -> Tensor:
    """t̃ = t − δ (t − T_g (1 − e^{−t/T_g})), seconds; see `StruckDrum`."""
    return t - glide * (t + time * torch.expm1(-t / time))


def steady(x: Tensor, sample_rate: float, glide: float, time: float) -> Tensor:
    """m [n] of the sound x(t) = m(t̃(t)) [N], read between its samples along straight lines: its pitches stay."""
    t = torch.arange(len(x), dtype=torch.float64) / sample_rate
    return torch.from_numpy(np.interp(moments(len(x), sample_rate, glide, time), t, x.double())).to(x)


def moments(N: int, sample_rate: float, glide: float, time: float) -> np.ndarray:
    """t [n], in s, at which t̃ is 0, 1, 2, … samples, within N samples."""
    t = torch.arange(N, dtype=torch.float64) / sample_rate
    slow = clock(t, glide, time)
    return np.interp(np.arange(math.floor(float(slow[-1]) * sample_rate) + 1) / sample_rate, slow, t)


def glide(x: Tensor, sample_rate: float, most: float, times: tuple[float, float]) -> tuple[float, float]:
    """δ ≤ `most` and T_g within `times` of the clock that leaves x [N] the spectrum of least entropy: pitches that stay are lines."""
    falling = itertools.product(np.geomspace(LEAST, most, GLIDES).tolist(), np.geomspace(*times, TIMES).tolist())
    return min([(0.0, times[0]), *falling], key=lambda tried: entropy(x, sample_rate, *tried))


def nearer(x: Tensor, sample_rate: float, glide: float, time: float, most: float, times: tuple[float, float]) -> tuple[float, float]:
    """The clock of least entropy near to one of the grid of `glide`."""
    steps = np.log(most / LEAST) / GLIDES, np.log(times[1] / times[0]) / TIMES
    for k in range(HALVINGS):
        around = itertools.product(*(np.exp(step * np.linspace(-1, 1, 5) / 2**k).tolist() for step in steps))
        tried = [(min(glide * a, most), min(max(time * b, times[0]), times[1])) for a, b in around]
        glide, time = min(tried, key=lambda one: entropy(x, sample_rate, *one))
    return glide, time


def entropy(x: Tensor, sample_rate: float, glide: float, time: float) -> float:
    """Of the power spectrum of x [N], as it begins, by this clock."""
    m = steady(x[:SAMPLES], sample_rate, glide, time)
    fading = 0.5 + 0.5 * torch.cos(math.pi * torch.arange(len(m)).to(m) / len(m))
    power = torch.fft.rfft(m * fading, 2 * SAMPLES).abs().square()
    share = power / power.sum()
    return -float(torch.xlogy(share, share).sum())
