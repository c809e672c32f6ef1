"""The encoder of the published experiments: EfficientNet-B0 on a constant-Q transform."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..encoder import Encoder
from ..hooks.bounds import check_bounds, option
from ..signal import Signal
from .cqt import LogCQT
from .mbconv import EfficientNet


@dataclass
class EfficientNetOptions:
    """Options of the EfficientNet-B0 encoder.

    dropout: probability of dropping a unit before the last layer, while training
    stochastic_depth: probability of skipping the last residual block, while training; falls to 0 at the first
    bins_per_octave: resolution of the constant-Q transform
    hop: samples between its frames
    num_octaves: its range in octaves; by default as many as fit below Nyquist
    fmin: its lowest frequency, Hz; by default from the sample rate and the duration
    """

    dropout: float = option(0.2, low=0, below=1)
    stochastic_depth: float = option(0.2, low=0, below=1)
    bins_per_octave: int = option(12, low=1, high=120)
    hop: int = option(256, low=1, high=65_536, unit="samples")
    num_octaves: int | None = option(None, low=1, high=12)
    fmin: float | None = option(None, low=1, high=10**5, unit="Hz")

    def __post_init__(self) -> None:
        check_bounds(self)


class EfficientNetB0(Encoder):
    """log CQT → BatchNorm → 3×3 convolution to 3 channels → EfficientNet-B0 → BatchNorm · √½ → tanh.

    The scale √½ keeps outputs off the flat ends of tanh. Source: Han, Lostanlen & Lagrange, IEEE/ACM TASLP 2024.
    """

    Options = EfficientNetOptions
    prepare_options = ("bins_per_octave", "hop", "num_octaves", "fmin")

    def __init__(self, signal: Signal, num_outputs: int, options: EfficientNetOptions) -> None:
        super().__init__(signal, num_outputs, options)
        self.cqt = LogCQT(signal, options.bins_per_octave, options.hop, options.num_octaves, options.fmin)
        self.colour = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 3, 3))
        self.network = EfficientNet(num_outputs, options.dropout, options.stochastic_depth)
        self.norm = nn.BatchNorm1d(num_outputs, affine=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third less time on a CPU

    def prepare(self, x: Tensor) -> Tensor:
        inputs: Tensor = self.cqt(x)
        return inputs

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.network(self.colour(inputs[:, None]))
        return self.squash(self.norm(outputs) * math.sqrt(0.5), outputs)
