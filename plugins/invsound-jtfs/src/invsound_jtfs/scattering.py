"""The transform as autograd sees it: a function, its tangents, its adjoint; nothing is stored but the sound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from .cascade import Cascade
from .geometry import Config
from .plan import Plan
from .threads import team

DIRECTIONS = 8
"""Tangents that go through the cascade together."""


@contextmanager
def cascade(x: Tensor, config: Config) -> Iterator[Cascade]:
    with team(x) as spread:
        yield Cascade(Plan.of(config, x.dtype, x.device), spread)


def fold(value: Tensor, dim: int | None, size: int) -> Tensor:
    """Merge a mapped dimension into the rows; an unmapped value is repeated."""
    value = value.expand(size, *value.shape) if dim is None else value.movedim(dim, 0)
    return value.flatten(0, 1)


class Scatter(torch.autograd.Function):
    """x [B, N] → S [B, D]."""

    @staticmethod
    def forward(x: Tensor, config: Config) -> Tensor:
        with cascade(x, config) as transform:
            if not len(x):
                return transform.push(x.new_zeros(1, x.shape[-1]))[:0]
            return torch.cat([transform.push(sound) for sound in x.split(1)])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Config], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])
        ctx.config = inputs[1]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return Adjoint.apply(ctx.saved_tensors[0], grads[0], ctx.config), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        return Columns.apply(ctx.saved_tensors[0], tangents[0][:, None], ctx.config)[1][:, 0]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, config: Config) -> tuple[Tensor, int]:
        return Scatter.apply(fold(x, in_dims[0], info.batch_size), config).unflatten(0, (info.batch_size, -1)), 0


class Columns(torch.autograd.Function):
    """x [B, N], P directions dx [B, P, N] → S [B, D], dS [B, P, D]."""

    @staticmethod
    def forward(x: Tensor, dx: Tensor, config: Config) -> tuple[Tensor, Tensor]:
        if not dx.numel():
            S = Scatter.forward(x, config)
            return S, S[:, None].expand(-1, dx.shape[1], -1)
        pairs = zip(x.split(1), dx, strict=True)
        with cascade(x, config) as transform:
            tangents = [[transform.push(torch.cat([sound, some])) for some in row.split(DIRECTIONS)] for sound, row in pairs]
        S = torch.cat([parts[0][:1] for parts in tangents])
        return S, torch.stack([torch.cat([part[1:] for part in parts]) for parts in tangents])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Config], output: tuple[Tensor, Tensor]) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], x: Tensor, dx: Tensor, config: Config) -> tuple[Any, Any]:
        if in_dims[0] is None:
            dx = dx.movedim(in_dims[1], 1)
            S, dS = Columns.apply(x, dx.flatten(1, 2), config)
            return (S, dS.unflatten(1, dx.shape[1:3])), (None, 1)
        x, dx = (fold(value, dim, info.batch_size) for value, dim in zip((x, dx), in_dims, strict=False))
        S, dS = Columns.apply(x, dx, config)
        return (S.unflatten(0, (info.batch_size, -1)), dS.unflatten(0, (info.batch_size, -1))), (0, 0)


class Adjoint(torch.autograd.Function):
    """x [B, N], gradient S [B, D] → gradient of x [B, N]."""

    @staticmethod
    def forward(x: Tensor, S: Tensor, config: Config) -> Tensor:
        with cascade(x, config) as transform:
            return torch.cat([torch.zeros_like(x[:0]), *(transform.pull(*pair) for pair in zip(x.split(1), S.split(1), strict=True))])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Config], output: Tensor) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, S: Tensor, config: Config) -> tuple[Tensor, int]:
        x, S = (fold(value, dim, info.batch_size) for value, dim in zip((x, S), in_dims, strict=False))
        return Adjoint.apply(x, S, config).unflatten(0, (info.batch_size, -1)), 0


def scatter(x: Tensor, config: Config) -> Tensor:
    """x [B, N] → S [B, D]: S0, first order, second order. In forward mode, the sound and its tangents share one pass."""
    x, dx = forward_ad.unpack_dual(x)
    if dx is None:
        S: Tensor = Scatter.apply(x, config)
        return S
    S, dS = Columns.apply(x, dx[:, None], config)
    return forward_ad.make_dual(S, dS[:, 0])
