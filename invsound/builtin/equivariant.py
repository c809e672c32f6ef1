"""An encoder that hears a pitch wherever it is: convolutions along log-frequency, read where they look."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..encoder import Encoder
from ..hooks.bounds import check_bounds, option
from ..signal import Signal
from .cnn import Filters, TimeToChannels
from .cqt import LogCQT, quality

FLOOR = 0.1
"""Of magnitudes: some 50 dB below a sine of amplitude 1."""
QUICK = 8.0, 20.0
"""Q and gamma in Hz of the transform that tells times apart; that which tells pitches apart has `cnn`'s."""
LOWEST, HIGHEST = 30.0, 0.475
"""Hz, and cycles per sample: as many octaves below the highest as reach the lowest."""


@dataclass
class EquivariantOptions:
    """Options of the equivariant encoder.

    width: filters along time
    cells: largest number of time cells they are averaged over
    channels: channels of the convolutions along frequency
    dilations: one residual block each, its convolution over 5 positions so far apart
    heads: places that are looked at
    values: numbers that are read at each
    hidden: units of both hidden layers
    bins_per_octave: resolution of the constant-Q transforms
    hop: samples between their frames
    """

    width: int = option(16, low=1, high=1024)
    cells: int = option(40, low=1, high=1024)
    channels: int = option(128, low=1, high=1024)
    dilations: tuple[int, ...] = option((1, 2, 4, 8, 1), low=1, high=64)
    heads: int = option(32, low=1, high=1024)
    values: int = option(16, low=1, high=1024)
    hidden: int = option(512, low=1, high=16_384)
    bins_per_octave: int = option(24, low=1, high=120)
    hop: int = option(256, low=1, high=65_536, unit="samples")

    def __post_init__(self) -> None:
        check_bounds(self)


class Block(nn.Module):
    """x + a convolution over 5 positions, `dilation` apart, and one over channels [B, C, positions]."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation, bias=False), nn.BatchNorm1d(channels), nn.ReLU(),
            nn.Conv1d(channels, channels, 1, bias=False), nn.BatchNorm1d(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.change(x))


class Look(nn.Module):
    """x [B, C, positions] → [B, heads · (1 + values)]: where each head looks, Σ_p a_p p with a = softmax along positions, and what is
    there, Σ_p a_p v_p. A shift of x shifts the first and leaves the second (spatial softmax: Levine et al., JMLR 17, 2016)."""

    place: Tensor

    def __init__(self, channels: int, positions: int, heads: int, values: int) -> None:
        super().__init__()
        self.heads, self.where, self.what = heads, nn.Conv1d(channels, heads, 1), nn.Conv1d(channels, heads * values, 1)
        self.register_buffer("place", torch.linspace(-1, 1, positions), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        a, values = torch.softmax(self.where(x).float(), -1), self.what(x).unflatten(1, (self.heads, -1))
        return torch.cat([(a * self.place).sum(-1), torch.einsum("bhp,bhvp->bhv", a.to(values), values).flatten(1)], 1)


class Equivariant(Encoder):
    """Two log CQTs → filters over 5 bins × 9 frames → time cells as channels → residual blocks along frequency → spatial softmax → tanh.

    Of the transforms one is sharp in frequency and one, of variable Q, in time. Until the last layers a higher pitch is a shift, and how
    high it is is read to a fraction of a bin, as the mean of a distribution over them; beside that, 16 channels are read as they are.
    About two million weights, and three times the cost of `cnn`: it hears as well after a third of the sounds.
    """

    Options = EquivariantOptions
    prepare_options = ("bins_per_octave", "hop")

    def __init__(self, signal: Signal, num_outputs: int, options: EquivariantOptions) -> None:
        super().__init__(signal, num_outputs, options)
        highest = HIGHEST * signal.sample_rate
        octaves = max(1, math.ceil(math.log2(highest / LOWEST)))
        kinds = (quality(options.bins_per_octave), 0.0), QUICK
        self.cqts = nn.ModuleList(
            LogCQT(signal, options.bins_per_octave, options.hop, octaves, highest / 2**octaves, Q, gamma, FLOOR) for Q, gamma in kinds
        )
        bins, frames, width, C = octaves * options.bins_per_octave, 1 + signal.num_samples // options.hop, options.width, options.channels
        filtered, positions = math.ceil(frames / 4), math.ceil(bins / 2)
        size = math.ceil(filtered / options.cells)
        self.body = nn.Sequential(
            nn.BatchNorm2d(len(kinds), affine=False),  # see `CNN`
            *(Filters(len(kinds), width, (5, 9), (2, 4), (2, 4), bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            TimeToChannels(filtered, size),
            *(nn.Conv1d(width * math.ceil(filtered / size), C, 1, bias=False), nn.BatchNorm1d(C), nn.ReLU()),
            *(Block(C, dilation) for dilation in options.dilations),
        )
        self.look = Look(C, positions, options.heads, options.values)
        self.all = nn.Sequential(nn.Conv1d(C, 16, 1, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Flatten())
        seen = options.heads * (1 + options.values) + 16 * positions
        layers = [nn.Linear(seen, options.hidden), nn.ReLU(), nn.Linear(options.hidden, options.hidden), nn.ReLU()]
        self.head = nn.Sequential(*layers, nn.Linear(options.hidden, num_outputs))

    def prepare(self, x: Tensor) -> Tensor:
        return torch.stack([cqt(x) for cqt in self.cqts], 1)

    def forward(self, inputs: Tensor) -> Tensor:
        x = self.body(inputs)
        seen = torch.cat([self.look(x), self.all(x)], 1)
        with torch.autocast(seen.device.type, enabled=False):  # where a pitch is, is more than eight bits
            return self.squash(self.head(seen.float()))
