"""Mutants: features."""

import torch

from invsound import Feature

from .common import Options, breaks


class _WrongBackward(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return 2 * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def jvp(ctx, dx):
        return 2 * dx

    @staticmethod
    def backward(ctx, g):
        return 2.1 * g


class _WrongJvp(_WrongBackward):
    @staticmethod
    def jvp(ctx, dx):
        return 2.1 * dx

    @staticmethod
    def backward(ctx, g):
        return 2 * g


@breaks("feature", "reverse mode is the derivative")
class WrongBackward(Feature):
    Options = Options

    def forward(self, x):
        return _WrongBackward.apply(x)


@breaks("feature", "forward mode is the derivative")
class WrongJvp(Feature):
    Options = Options

    def forward(self, x):
        return _WrongJvp.apply(x)


class GoodFeature(Feature):
    Options = Options

    def forward(self, x):
        return torch.fft.rfft(x).abs()


@breaks("feature", "paths are parts")
class Overlapping(GoodFeature):
    num_paths = 2

    def path(self, x, k):
        S = self(x)
        return S[:, k * S.shape[1] // 2 - k :][:, : S.shape[1] // 2 + 1]


@breaks("feature", "representation is a row")
class Cube(Feature):
    Options = Options

    def forward(self, x):
        return x.unflatten(1, (-1, 8)).square()


@breaks("feature", "sounds make a difference")
class Constant(GoodFeature):
    def forward(self, x):
        return 0 * super().forward(x)


@breaks("feature", "sounds make a difference")
class Rounding(GoodFeature):
    def forward(self, x):
        return (100 * super().forward(x)).round()


@breaks("feature", "finite on edge sounds")
class Logarithm(Feature):
    Options = Options

    def forward(self, x):
        return torch.fft.rfft(x).abs().log()


@breaks("feature", "derivatives are finite on edge sounds")
class SquareRoot(Feature):
    Options = Options

    def forward(self, x):
        X = torch.fft.rfft(x)
        return (X.real**2 + X.imag**2).sqrt()
