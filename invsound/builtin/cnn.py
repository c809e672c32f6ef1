"""The default encoder: a small convolutional network on a constant-Q transform."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..encoder import Encoder
from ..signal import Signal
from .cqt import LogCQT


@dataclass
class CNNOptions:
    """Options of the convolutional encoder.

    width: channels after the first convolution; doubled by each of the next two
    hidden: units of the hidden layer
    dropout: probability of dropping a unit before the hidden layer, while training
    bins_per_octave: resolution of the constant-Q transform
    hop: samples between its frames
    num_octaves: its range in octaves, by default as many as fit below Nyquist
    fmin: its lowest frequency in Hz, by default from the sample rate and the duration
    """

    width: int = 16
    hidden: int = 128
    dropout: float = 0.2
    bins_per_octave: int = 12
    hop: int = 256
    num_octaves: int | None = None
    fmin: float | None = None


def block(channels_in: int, channels_out: int, stride: tuple[int, int]) -> nn.Sequential:
    convolution = nn.Conv2d(channels_in, channels_out, (2 * stride[0] + 1, 2 * stride[1] + 1), stride, padding=stride, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.ReLU())


class CNN(Encoder):
    """log CQT → BatchNorm → four strided convolutions → flattened frequency × time → hidden layer → tanh."""

    Options = CNNOptions

    def __init__(self, signal: Signal, num_outputs: int, options: CNNOptions) -> None:
        super().__init__(signal, num_outputs, options)
        self.cqt = LogCQT(signal, options.bins_per_octave, options.hop, options.num_octaves, options.fmin)
        w = options.width
        self.body = nn.Sequential(
            nn.BatchNorm2d(1),
            block(1, w, (2, 4)),
            block(w, 2 * w, (2, 2)),
            block(2 * w, 4 * w, (2, 2)),
            block(4 * w, 4 * w, (1, 2)),
            nn.Flatten(),
        )
        features = self.body(torch.zeros(2, 1, len(self.cqt.frequencies), self.cqt.num_frames)).shape[1]
        self.head = nn.Sequential(
            nn.Dropout(options.dropout), nn.Linear(features, options.hidden), nn.ReLU(), nn.Linear(options.hidden, num_outputs), nn.Tanh()
        )

    def prepare(self, x: Tensor) -> Tensor:
        inputs: Tensor = self.cqt(x)
        return inputs

    def forward(self, inputs: Tensor) -> Tensor:
        nu_hat: Tensor = self.head(self.body(inputs[:, None]))
        return nu_hat
