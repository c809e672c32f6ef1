"""Spectral optimal transport: a score, and the representation that it compares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from invsound import Feature, Score, Signal, check_bounds, option

from .frames import Spectrogram


@dataclass
class TransportOptions:
    """Options of spectral optimal transport.

    window: length of the Hann windows, ms
    hop: hop between them, ms
    floor: sum of a frame's magnitudes below which it fades to silence
    """

    window: float = option(50.0, above=0, high=10_000, unit="ms")
    hop: float = option(20.0, above=0, high=10_000, unit="ms")
    floor: float = option(1e-6, low=1e-12, high=1e12)

    def __post_init__(self) -> None:
        check_bounds(self)


@dataclass
class CumulativeSpectrumOptions(TransportOptions):
    """Options of cumulative spectra.

    window: length of the Hann windows, ms
    hop: hop between them, ms
    floor: sum of a frame's magnitudes below which it fades to silence
    """

    floor: float = option(1e-2, low=1e-12, high=1e12)  # at the score's, tails that nobody hears would weigh as much as the sound


class Cumulative(nn.Module):
    """x [B, N] → C [B, F, K]: the share of a frame's magnitude at or below each of its K frequencies.

    C[j, k] = Σ_{i ≤ k} |X[j, i]| / max(floor, Σ_i |X[j, i]|), which ends at 1, or at less where the frame is below the floor.
    Where X = 0 the derivative of its magnitude is taken as 0.
    """

    def __init__(self, signal: Signal, options: TransportOptions) -> None:
        super().__init__()
        self.spectrogram, self.floor = Spectrogram(signal, options.window, options.hop), options.floor

    def forward(self, x: Tensor) -> Tensor:
        X = self.spectrogram(x)
        # the derivative X / |X| is NaN where X is denormal
        audible = (X.real.abs() + X.imag.abs()).detach() > torch.finfo(x.dtype).tiny ** 0.5
        magnitude = torch.where(audible, X, torch.zeros_like(X)).abs()
        C: Tensor = magnitude.cumsum(-1) / magnitude.sum(-1, keepdim=True).clamp(min=self.floor)
        return C


class SpectralTransport(Score):
    """mean over frames of Σ_k |C(x) − C(x̂)| / K, from audio [B, N] twice to [B], within 0 and 1.

    That is the 1-Wasserstein distance between the frames' magnitudes as distributions over k / K: by how much, in units of the Nyquist
    frequency, their mass is moved on the way from one to the other. Symmetric, deaf to the level of a frame above the floor. A silent
    frame has no mass: it is as far from another as if that one's mass were moved to Nyquist.

    Source: "SOT" of Hayes, Saitis & Fazekas, ISMIR 2025, arXiv:2506.07199, after Torres, Peeters & Richard, Unsupervised harmonic
    parameter estimation using differentiable DSP and spectral optimal transport, ICASSP 2024, arXiv:2312.14507.
    """

    Options = TransportOptions

    def __init__(self, signal: Signal, options: TransportOptions) -> None:
        super().__init__(signal, options)
        self.cumulative = Cumulative(signal, options)

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        difference: Tensor = self.cumulative(x_hat.double()) - self.cumulative(x.double())
        return difference.abs().mean((1, 2)).to(x.dtype)


class CumulativeSpectrum(Feature):
    """S = C / √(FK), flattened: x [B, N] → [B, FK], what the score `sot` compares, with the Euclidean distance.

    ‖ΔS‖₂² is the mean over frames of Σ_k (ΔC)² / K, the squared Cramér distance between their spectra as distributions: it goes on
    growing with the distance between two partials when they no longer overlap, where that of spectra is flat. Since |ΔC| ≤ 1, and
    at the same floor, score ≤ ‖ΔS‖₂ ≤ √score.

    Source: as of the score; the distance, Székely & Rizzo, Energy statistics, J. Statistical Planning and Inference 143(8), 2013.
    """

    Options = CumulativeSpectrumOptions

    def __init__(self, signal: Signal, options: CumulativeSpectrumOptions) -> None:
        super().__init__(signal, options)
        self.cumulative = Cumulative(signal, options)

    def forward(self, x: Tensor) -> Tensor:
        C: Tensor = self.cumulative(x).flatten(1)
        return C / math.sqrt(C.shape[1])
