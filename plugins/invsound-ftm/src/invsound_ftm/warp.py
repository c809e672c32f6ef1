"""A sound on another clock: what is sampled evenly, read at uneven times."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

POINTS = 8


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
        return (_around(y, time) * _weights(time, y)).sum(-2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx: Any, dy: Tensor, dtime: Tensor) -> Tensor:
        y, time = ctx.saved_tensors
        slope = (_around(y, time) * _weights(time, y, 1)).sum(-2)
        return (_around(dy, time) * _weights(time, y)).sum(-2) + slope * dtime.to(y)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor]:
        y, time = ctx.saved_tensors
        slope = (_around(y, time) * _weights(time, y, 1)).sum(-2)
        spread = (g[..., None, :] * _weights(time, y)).flatten(-2)
        return torch.zeros_like(y).scatter_add(-1, _index(time, y).flatten(-2), spread), (g * slope).to(time)


def _first(time: Tensor, y: Tensor) -> Tensor:
    return (time.long() - (POINTS // 2 - 1)).clamp(0, y.shape[-1] - POINTS)


def _index(time: Tensor, y: Tensor) -> Tensor:
    """Which samples are around each time: [B, 8, N]."""
    return _first(time, y)[..., None, :] + torch.arange(POINTS, device=y.device)[:, None]


def _around(y: Tensor, time: Tensor) -> Tensor:
    """The samples around each time: [B, 8, N]."""
    index = _index(time, y)
    return y.gather(-1, index.flatten(-2)).unflatten(-1, index.shape[-2:])


def _weights(time: Tensor, y: Tensor, derivative: int = 0) -> Tensor:
    """Lagrange's polynomials, or their derivatives, at each time: [B, 8, N]."""
    place = (time - _first(time, y) - (POINTS - 1) / 2).to(y)
    powers = [torch.zeros_like(place)] * derivative + [torch.ones_like(place)]
    for k in range(1, POINTS - derivative):
        powers.append(powers[-1] * place * ((k + derivative) / k))
    return _lagrange(place).mT @ torch.stack(powers, -2)


def _lagrange(like: Tensor) -> Tensor:
    """Coefficients [power, point] of the polynomials that are 1 at one of ±0.5, … ±3.5, and 0 at the others."""
    nodes = torch.arange(POINTS, dtype=torch.float64) - (POINTS - 1) / 2
    return torch.linalg.inv(nodes[:, None] ** torch.arange(POINTS)).to(like)
