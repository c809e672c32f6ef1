"""The encoder of SCRAPL's paper."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from invsound import Encoder, LogCQT, Signal, option


@dataclass
class Spectral2DCNNOptions:
    """Options of the encoder.

    channels: of each convolution
    layers: number of convolutions
    hidden: units of the last hidden layer
    dropout: probability of dropping one of them, while training
    bins_per_octave: resolution of the constant-Q transform
    num_octaves: its range in octaves, which ends at 0.4 times the sample rate
    hop: samples between its frames
    """

    channels: int = option(128, low=1, high=4096)
    layers: int = option(5, low=1, high=12)
    hidden: int = option(64, low=1, high=16_384)
    dropout: float = option(0.5, low=0, below=1)
    bins_per_octave: int = option(12, low=1, high=120)
    num_octaves: int = option(5, low=1, high=12)
    hop: int = option(256, low=1, high=65_536, unit="samples")


class Layer(nn.Module):
    """[B, C, bins, frames] → layer norm over bins and frames → 3×3 convolution → max-pool by 2 where there are two → PReLU."""

    def __init__(self, channels_in: int, channels_out: int, pool: tuple[int, int]) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels_in, channels_out, 3, padding=1), nn.MaxPool2d(pool), nn.PReLU(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(nn.functional.layer_norm(x, x.shape[2:]))
        return out


class Spectral2DCNN(Encoder):
    """log1p(|CQT| / 1e-3) → layers → mean over frames → hidden units, dropout, PReLU → tanh.

    Source: Mitcheltree, Lostanlen, Benetos & Lagrange, "SCRAPL", ICLR 2026 (arXiv:2602.11145), the granular task, where the CQT has 60
    bins and the optimizer is AdamW at 1e-5 with batches of 32.
    """

    Options = Spectral2DCNNOptions
    prepare_options = ("bins_per_octave", "num_octaves", "hop")

    def __init__(self, signal: Signal, num_outputs: int, options: Spectral2DCNNOptions) -> None:
        super().__init__(signal, num_outputs, options)
        fmin = 0.4 * signal.sample_rate / 2**options.num_octaves
        self.cqt = LogCQT(signal, options.bins_per_octave, options.hop, options.num_octaves, fmin)
        sizes = torch.tensor([len(self.cqt.frequencies), self.cqt.num_frames])
        layers, channels = [], 1
        for _ in range(options.layers):
            pool = (sizes > 1).int() + 1
            height, width = pool.tolist()
            layers.append(Layer(channels, options.channels, (height, width)))
            sizes, channels = sizes // pool, options.channels
        self.layers = nn.Sequential(*layers)
        last = nn.Linear(options.hidden, num_outputs)
        self.head = nn.Sequential(nn.Linear(channels * int(sizes[0]), options.hidden), nn.Dropout(options.dropout), nn.PReLU(), last)

    def prepare(self, x: Tensor) -> Tensor:
        inputs: Tensor = self.cqt(x)
        return inputs

    def forward(self, inputs: Tensor) -> Tensor:
        return self.squash(self.head(self.layers(inputs[:, None]).mean(3).flatten(1)))
