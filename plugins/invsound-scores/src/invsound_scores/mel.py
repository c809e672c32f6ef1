"""The multi-scale log-mel distance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from invsound import Score, Signal, check_bounds, option

from .melbands import MelBands, decibels


@dataclass
class MelOptions:
    """Options of the multi-scale log-mel distance; the three lists are read together.

    window: lengths of the Hann windows, ms
    hop: hops between them, ms
    bands: mel bands between 0 Hz and Nyquist
    range: dynamic range below the loudest band, dB
    """

    window: list[float] = option([10.0, 25.0, 100.0], above=0, high=10_000, unit="ms")
    hop: list[float] = option([5.0, 10.0, 50.0], above=0, high=10_000, unit="ms")
    bands: list[int] = option([32, 64, 128], low=1, high=4096)
    range: float = option(80.0, above=0, high=300, unit="dB")

    def __post_init__(self) -> None:
        self.window, self.hop, self.bands = list(self.window), list(self.hop), list(self.bands)
        if not len(self.window) == len(self.hop) == len(self.bands) > 0:
            raise ValueError(f"window, hop and bands need one entry per scale, got {self.window}, {self.hop} and {self.bands}")
        check_bounds(self)


class MelDistance(Score):
    """mean over scales of mean |L(x) − L(x̂)| in dB, from audio [B, N] twice to [B].

    L is 10 log10 of the power in mel bands, relative to its own maximum over all bands and frames, at least −80 dB. What is quieter
    than a power of 1e-10 counts as that, so silence is all 0 dB: as far from a sound as a sound whose bands are equally loud.
    Symmetric; deaf to the level, except for that floor.

    Source: "MSS" of Hayes, Saitis & Fazekas, ISMIR 2025, arXiv:2506.07199.
    """

    Options = MelOptions

    def __init__(self, signal: Signal, options: MelOptions) -> None:
        super().__init__(signal, options)
        scales = zip(options.window, options.hop, options.bands, strict=True)
        self.scales = nn.ModuleList(MelBands(signal, *scale) for scale in scales)

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        distances = [(self.levels(scale, x_hat) - self.levels(scale, x)).abs().mean((1, 2)) for scale in self.scales]
        return torch.stack(distances).mean(0).to(x.dtype)

    def levels(self, scale: nn.Module, x: Tensor) -> Tensor:
        """[B, N] → L [B, F, bands], float64."""
        L = decibels(scale(x.double()), self.options.range)
        return L - L.amax((1, 2), keepdim=True)
