"""The log-mel spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invsound import Feature, Signal, check_bounds, option

from .melbands import MelBands


@dataclass
class LogMelOptions:
    """Options of the log-mel spectrogram.

    window: length of the Hann windows, ms
    hop: hop between them, ms
    bands: mel bands between 0 Hz and Nyquist
    floor: power of a band below which it fades to silence
    """

    window: float = option(25.0, above=0, high=10_000, unit="ms")
    hop: float = option(10.0, above=0, high=10_000, unit="ms")
    bands: int = option(64, low=1, high=4096)
    floor: float = option(1e-6, low=1e-12, high=1e12)

    def __post_init__(self) -> None:
        check_bounds(self)


class LogMel(Feature):
    """S = ln(1 + E / floor), flattened: x [B, N] → [B, F · bands]; E [B, F, bands] is the power in mel bands.

    Zero on silence, and smooth: powers have a derivative everywhere. With the default window a full-scale sine has E around 100.

    Source: the middle scale of the score `mel`, with a floor that has a derivative in the place of a range.
    """

    Options = LogMelOptions

    def __init__(self, signal: Signal, options: LogMelOptions) -> None:
        super().__init__(signal, options)
        self.mel = MelBands(signal, options.window, options.hop, options.bands)

    def forward(self, x: Tensor) -> Tensor:
        return torch.log1p(self.mel(x) / self.options.floor).flatten(1)
