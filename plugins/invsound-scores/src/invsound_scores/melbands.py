"""Power in mel bands."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from invsound import Signal

from .frames import Spectrogram

KNEE = 1000.0
"""Hz, up to which Slaney's scale is linear, 3 mels per 200 Hz; from there on 27 mels are a factor of 6.4."""
FLOOR = 1e-10
"""Power below which a band is silent."""


def mel(frequency: Tensor) -> Tensor:
    """Hz → mel: Slaney, Auditory Toolbox, Interval Research technical report 1998-010."""
    above = 15 + 27 * torch.log(frequency.clamp(min=KNEE) / KNEE) / math.log(6.4)
    return torch.where(frequency < KNEE, 3 * frequency / 200, above)


def hertz(mels: Tensor) -> Tensor:
    """mel → Hz."""
    return torch.where(mels < 15, 200 * mels / 3, KNEE * torch.exp((mels - 15) * math.log(6.4) / 27))


def bands(sample_rate: float, size: int, count: int) -> Tensor:
    """Weights [1 + size // 2, count] of the bins of a transform of `size` samples in each band, float64.

    Triangles between 0 Hz and Nyquist, each from its lower neighbour's peak to its upper neighbour's, peaks equally far apart in mel,
    and each of area 1 Hz (Slaney's norm). A band between two bins hears nothing.
    """
    nyquist = torch.tensor(sample_rate / 2, dtype=torch.float64)
    peaks = hertz(torch.linspace(0, float(mel(nyquist)), count + 2, dtype=torch.float64))
    low, peak, high = peaks[:-2], peaks[1:-1], peaks[2:]
    f = torch.arange(1 + size // 2, dtype=torch.float64)[:, None] * sample_rate / size
    rise, fall = (f - low) / (peak - low), (high - f) / (high - peak)
    return torch.minimum(rise, fall).clamp(min=0) * 2 / (high - low)


class MelBands(nn.Module):
    """x [B, N] → power E [B, F, count] of the spectrogram in mel bands; window and hop in ms."""

    weights: Tensor

    def __init__(self, signal: Signal, window: float, hop: float, count: int) -> None:
        super().__init__()
        self.spectrogram = Spectrogram(signal, window, hop)
        self.register_buffer("weights", bands(signal.sample_rate, self.spectrogram.size, count), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        X: Tensor = self.spectrogram(x)
        return (X.real**2 + X.imag**2) @ self.weights.to(x.dtype)


def decibels(E: Tensor, range: float) -> Tensor:
    """10 log10 of powers E [B, …] of at least 1e-10, and no lower than `range` dB below the loudest of the row."""
    L = 10 * E.clamp(min=FLOOR).log10()
    return torch.maximum(L, L.flatten(1).amax(1).view(-1, *[1] * (L.ndim - 1)) - range)
