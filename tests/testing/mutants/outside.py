"""Mutants: synths from outside, which are rendered in processes of their own."""

import os
import time

import numpy as np
import torch

from invsound import Parameter, Renderer, Signal, Space

from .common import Options, breaks
from .synths import GoodSynth


class GoodOutside(Renderer):
    Options = Options
    limit = 0.2

    def __init__(self, options):
        super().__init__(options)
        self.space = Space(Parameter("f", "Hz", 200, 1000, "log"), Parameter("tau", "s", 0.002, 0.02))
        self.signal, self.count = Signal(8000, 64), 0

    def sound(self, values):
        t = np.arange(64) / 8000
        self.count += 1
        return np.exp(-t / values["tau"]) * np.sin(2 * np.pi * values["f"] * t)


@breaks("synth", "same sound in any order")
class Reverberant(GoodOutside):
    """The tail of the sound before is in this one."""

    tail = 0.0

    def sound(self, values):
        x = super().sound(values) + self.tail
        self.tail = 1e-3 * x[::-1]
        return x


@breaks("synth", "same sound in any order")
class OutOfOrder(GoodOutside):
    def forward(self, theta):
        return super().forward(theta.sort(0).values)


@breaks("synth", "same sound in any process")
class Numbered(GoodSynth):
    def forward(self, theta):
        return super().forward(theta) + 1e-6 * os.getpid()


@breaks("synth", "finite everywhere in its bounds")
class Crashing(GoodOutside):
    def sound(self, values):
        if values["f"] > 990:
            os._exit(139)
        return super().sound(values)


@breaks("synth", "finite everywhere in its bounds")
class Hanging(GoodOutside):
    def sound(self, values):
        if values["tau"] < 0.003:
            time.sleep(60)
        return super().sound(values)


@breaks("synth", "most sounds are heard and differ")
class HalfSilent(GoodSynth):
    def forward(self, theta):
        return super().forward(theta) * (theta[:, :1] > 600)


@breaks("synth", "most sounds are heard and differ")
class Coarse(GoodSynth):
    """Two values of one parameter, and none of the other."""

    def forward(self, theta):
        return super().forward(torch.stack([300 + 300 * (theta[:, 0] > 600), torch.full_like(theta[:, 1], 0.01)], 1))
