"""Mutants: encoders."""

import random

import torch

from invsound import Encoder

from .common import Options, breaks


class GoodEncoder(Encoder):
    Options = Options

    def __init__(self, signal, num_outputs, options):
        super().__init__(signal, num_outputs, options)
        self.body = torch.nn.Sequential(torch.nn.BatchNorm1d(64), torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, num_outputs))

    def prepare(self, x):
        return torch.log1p(torch.fft.rfft(x)[:, :64].abs())

    def forward(self, inputs):
        return torch.tanh(self.body(inputs))


@breaks("encoder", "front end has no weights")
class LearnedFrontEnd(GoodEncoder):
    def prepare(self, x):
        return super().prepare(x) * (1 + self.body[1].weight[0])


@breaks("encoder", "outputs lie in the space")
class Unbounded(GoodEncoder):
    def forward(self, inputs):
        return self.body(inputs)


@breaks("encoder", "eval is row by row")
class Centred(GoodEncoder):
    def forward(self, inputs):
        return super().forward(inputs - inputs.mean(0))


@breaks("encoder", "gradient reaches every weight")
class DeadLayer(GoodEncoder):
    def __init__(self, signal, num_outputs, options):
        super().__init__(signal, num_outputs, options)
        self.forgotten = torch.nn.Linear(2, 2)


@breaks("encoder", "weights survive a checkpoint")
class HiddenState(GoodEncoder):
    mean = 0.0

    def forward(self, inputs):
        if self.training:
            self.mean = float(inputs.mean())
        return super().forward(inputs - self.mean)


@breaks("encoder", "weights follow the seed")
class OtherDice(GoodEncoder):
    def __init__(self, signal, num_outputs, options):
        super().__init__(signal, num_outputs, options)
        torch.nn.init.constant_(self.body[3].bias, random.random())


@breaks("encoder", "sounds make a difference")
class Deaf(GoodEncoder):
    def prepare(self, x):
        return super().prepare(torch.zeros_like(x))
