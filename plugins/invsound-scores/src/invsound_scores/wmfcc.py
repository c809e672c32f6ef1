"""The distance between cepstra under dynamic time warping."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from invsound import Score, Signal, check_bounds, option

from .melbands import MelBands, decibels
from .warping import warped

CELLS = 2**23
"""Costs that are kept at once, 64 MB."""


@dataclass
class WarpedMFCCOptions:
    """Options of the warped cepstral distance.

    coefficients: cepstral coefficients, the level included
    window: length of the Hann windows, ms
    hop: hop between them, ms
    bands: mel bands between 0 Hz and Nyquist
    range: dynamic range below the loudest band, dB
    """

    coefficients: int = option(20, low=1, high=4096)
    window: float = option(50.0, above=0, high=10_000, unit="ms")
    hop: float = option(10.0, above=0, high=10_000, unit="ms")
    bands: int = option(128, low=1, high=4096)
    range: float = option(80.0, above=0, high=300, unit="dB")

    def __post_init__(self) -> None:
        check_bounds(self)
        if self.coefficients > self.bands:
            raise ValueError(f"there are no more coefficients than bands, got {self.coefficients} of {self.bands}")


class WarpedMFCC(Score):
    """The cheapest warping of the cepstra of x̂ onto those of x, over its length: from audio [B, N] twice to [B].

    A frame's cepstrum is the orthonormal DCT-II, over mel bands, of 10 log10 of their power, which is at least 1e-10, and at least the
    sound's loudest −80 dB; its first 20 coefficients are kept. Two frames cost mean |Δ| over coefficients; `warped` says how one goes
    through their matrix. Symmetric. Silence is −100 dB in all bands.

    Source: "wMFCC" of Hayes, Saitis & Fazekas, ISMIR 2025, arXiv:2506.07199; MFCC: Davis & Mermelstein, IEEE Trans. ASSP 28(4), 1980.
    """

    Options = WarpedMFCCOptions
    cosines: Tensor

    def __init__(self, signal: Signal, options: WarpedMFCCOptions) -> None:
        super().__init__(signal, options)
        self.mel = MelBands(signal, options.window, options.hop, options.bands)
        self.register_buffer("cosines", cosines(options.bands, options.coefficients), persistent=False)

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        chunk = max(1, CELLS // self.mel.spectrogram.count**2)
        pairs = zip(x_hat.split(chunk), x.split(chunk), strict=True)
        return torch.cat([warped(self.costs(x_hat, x)) for x_hat, x in pairs]).to(x.dtype)

    def costs(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """mean |Δ| between any two frames: [B, F, F], float64."""
        cost: Tensor = torch.cdist(self.cepstra(x_hat), self.cepstra(x), p=1) / self.options.coefficients
        return cost

    def cepstra(self, x: Tensor) -> Tensor:
        """[B, N] → [B, F, coefficients], float64."""
        return decibels(self.mel(x.double()), self.options.range) @ self.cosines


def cosines(bands: int, count: int) -> Tensor:
    """The orthonormal DCT-II [bands, count], float64: √(2/bands) cos(π k (m + ½) / bands), and √½ of it for k = 0."""
    m, k = torch.arange(bands, dtype=torch.float64)[:, None], torch.arange(count, dtype=torch.float64)
    scale = torch.where(k == 0, math.sqrt(1 / bands), math.sqrt(2 / bands))
    return scale * torch.cos(math.pi * k * (m + 0.5) / bands)
