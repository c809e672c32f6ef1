"""A sound on another clock: what is sampled evenly, read at uneven times."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor

POINTS = 8
SCALES = [(-1) ** (POINTS - 1 - j) / (math.factorial(j) * math.factorial(POINTS - 1 - j)) for j in range(POINTS)]
"""1 / Π_{k≠j} (j − k)."""


def read(y: Tensor, time: Tensor) -> Tensor:
    """y [B, L], at 0, 1, … L − 1, L ≥ 8, at times [B, N] in between: Lagrange's interpolation through the 8 nearest samples.

    What oscillates by ω rad/sample errs by at most 105²/(2⁸·8!) ω⁸ = 1.1e-3 ω⁸ of its amplitude between its 8 samples: 1.6e-4 at ω = π/4,
    Nyquist at a quarter of the rate, and 6e-7 an octave below; nothing at a sample. Places are taken in the precision of `time`, values in
    that of y. Differentiable once, in both modes and under `torch.func`.
    """
    x: Tensor = _Read.apply(y, time)  # type: ignore[no-untyped-call]
    return x


class _Read(torch.autograd.Function):
    """The interpolant and its derivatives, ∂y read at the same times, and the interpolant's slope times ∂time."""

    generate_vmap_rule = True

    @staticmethod
    def forward(y: Tensor, time: Tensor) -> Tensor:
        return _read(y, time)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx: Any, dy: Tensor, dtime: Tensor) -> Tensor:
        y, time = ctx.saved_tensors
        return _read(dy, time) + _read(y, time, slope=True) * dtime.to(y)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
        y, time = ctx.saved_tensors
        first, weights = _weights(time, y)
        spread = torch.zeros_like(y)
        for j, weight in enumerate(weights):
            spread = spread.scatter_add(-1, first + j, g * weight * SCALES[j])
        return spread, (g * _read(y, time, slope=True)).to(time)


def _read(y: Tensor, time: Tensor, slope: bool = False) -> Tensor:
    """Σ_j y[first + j] w_j, or w_j′ for its slope: [B, N], tap after tap, so that a cache holds what is at hand."""
    first, weights = _weights(time, y, slope)
    x = y.new_zeros(time.shape)
    for j, weight in enumerate(weights):
        x = torch.addcmul(x, y[..., j:].gather(-1, first), weight, value=SCALES[j])
    return x


def _weights(time: Tensor, y: Tensor, slope: bool = False) -> tuple[Tensor, list[Tensor]]:
    """Of each time [B, N] the first of the 8 samples around it, and w_j = Π_{k≠j} (t − k), or w_j′, of Lagrange's polynomials."""
    first = (time.long() - (POINTS // 2 - 1)).clamp(0, y.shape[-1] - POINTS)
    place = (time - first).to(y)
    away = [place - k for k in range(POINTS)]
    before, after = _products(away), _products(away[::-1])[::-1]
    if not slope:
        return first, [p * q for p, q in zip(before, after, strict=True)]
    falling, rising = _slopes(away, before), _slopes(away[::-1], after[::-1])[::-1]
    return first, [p * r + f * q for p, q, f, r in zip(before, after, falling, rising, strict=True)]


def _products(factors: list[Tensor]) -> list[Tensor]:
    """For each factor the product of those before it."""
    return list(itertools.accumulate(factors[:-1], torch.mul, initial=torch.ones_like(factors[0])))


def _slopes(factors: list[Tensor], products: list[Tensor]) -> list[Tensor]:
    """The derivatives of `_products` along what all factors share."""
    found = [torch.zeros_like(factors[0])]
    for factor, product in zip(factors[:-1], products[:-1], strict=True):
        found.append(torch.addcmul(product, found[-1], factor))
    return found
