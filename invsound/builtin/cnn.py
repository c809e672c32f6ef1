"""The default encoder: a small convolutional network on a constant-Q transform, fast on a CPU."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from ..encoder import Encoder
from ..hooks.bounds import check_bounds, option
from ..signal import Signal
from .cqt import LogCQT


@dataclass
class CNNOptions:
    """Options of the convolutional encoder.

    width: filters along time
    cells: largest number of time cells they are averaged over
    channels: channels of the convolutions along frequency
    hidden: units of the last hidden layer
    dropout: probability of dropping a unit before that layer, while training
    bins_per_octave: resolution of the constant-Q transform
    hop: samples between its frames
    num_octaves: its range in octaves (null: as many as suit the sample rate and the duration)
    fmin: its lowest frequency, Hz (null: chosen likewise)
    """

    width: int = option(16, low=1, high=1024)
    cells: int = option(40, low=1, high=1024)
    channels: int = option(96, low=1, high=1024)
    hidden: int = option(128, low=1, high=16_384)
    dropout: float = option(0.4, low=0, below=1)
    bins_per_octave: int = option(12, low=1, high=120)
    hop: int = option(256, low=1, high=65_536, unit="samples")
    num_octaves: int | None = option(None, low=1, high=12)
    fmin: float | None = option(None, low=1, high=10**5, unit="Hz")

    def __post_init__(self) -> None:
        check_bounds(self)


class Filters(nn.Conv2d):
    """The phases of its strides are the channels of a smaller convolution without strides: the same to rounding, its gradient in a quarter
    of the time. Wants a kernel that is one longer than a multiple of the stride."""

    def forward(self, x: Tensor) -> Tensor:
        h, w = (int(before) for before in self.padding)
        return conv2d(self._phases(pad(x, (w, w, h, h))), self._phases(self.weight))

    def _phases(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, C · strides, ⌈H / stride⌉, ⌈W / stride⌉], zeros where that does not come out even."""
        h, w = self.stride
        x = pad(x, (0, -x.shape[3] % w, 0, -x.shape[2] % h))
        phases: Tensor = x.unflatten(3, (-1, w)).unflatten(2, (-1, h)).permute(0, 1, 3, 5, 2, 4).flatten(1, 3)
        return phases


class TimeToChannels(nn.Module):
    """Averages groups of `size` frames and makes each average a channel: [B, C, bins, frames] → [B, C · cells, bins].

    A product of matrices, which is faster than pooling.
    """

    average: Tensor

    def __init__(self, frames: int, size: int) -> None:
        super().__init__()
        inside = (torch.arange(frames)[:, None] // size == torch.arange(math.ceil(frames / size))).float()
        self.register_buffer("average", inside / inside.sum(0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.average).transpose(2, 3).flatten(1, 2)


def convolution(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv1d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm1d(channels_out), nn.ReLU())


class CNN(Encoder):
    """log CQT → BatchNorm → filters over 5 bins × 9 frames → time cells as channels → convolutions along frequency → tanh.

    Decay and vibrato are heard by the filters and by which cell they reach; a pitch shift is a shift along the last axis, which is
    flattened, not averaged, so that its position reaches the last layers. About 240,000 weights.
    """

    Options = CNNOptions
    prepare_options = ("bins_per_octave", "hop", "num_octaves", "fmin")

    def __init__(self, signal: Signal, num_outputs: int, options: CNNOptions) -> None:
        super().__init__(signal, num_outputs, options)
        self.cqt = LogCQT(signal, options.bins_per_octave, options.hop, options.num_octaves, options.fmin)
        frames, width, channels = math.ceil(self.cqt.num_frames / 4), options.width, options.channels
        size = math.ceil(frames / options.cells)
        # no scale nor shift before the first convolution: its inputs then need no gradient, which would cost a third of the time
        filters = Filters(1, width, (5, 9), (2, 4), (2, 4), bias=False)
        self.body = nn.Sequential(
            *(nn.BatchNorm2d(1, affine=False), filters, nn.BatchNorm2d(width), nn.ReLU(), TimeToChannels(frames, size)),
            convolution(width * math.ceil(frames / size), 64, 1),
            convolution(64, channels, 5, 2),
            convolution(channels, channels, 5),
            convolution(channels, 32, 1),
            nn.Flatten(),
        )
        positions = math.ceil(math.ceil(len(self.cqt.frequencies) / 2) / 2)
        self.head = nn.Sequential(
            nn.Dropout(options.dropout), nn.Linear(32 * positions, options.hidden), nn.ReLU(), nn.Linear(options.hidden, num_outputs)
        )

    def prepare(self, x: Tensor) -> Tensor:
        inputs: Tensor = self.cqt(x)
        return inputs

    def forward(self, inputs: Tensor) -> Tensor:
        return self.squash(self.head(self.body(inputs[:, None])))
