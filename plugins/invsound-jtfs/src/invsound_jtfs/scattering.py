"""The transform as autograd sees it: a function, its tangents, its adjoint; nothing is stored but the sound."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .cascade import Cascade
from .geometry import Config
from .plan import Plan

BLOCK = 1 << 17
"""Padded samples, tangents included, that go through the cascade together: more would only cost page faults."""
DIRECTIONS = 8
"""Tangents that go through the cascade together."""


def cascade(x: Tensor, config: Config) -> Cascade:
    return Cascade(Plan.of(config, x.dtype, x.device))


def rows(transform: Cascade, columns: int) -> int:
    return max(1, BLOCK // (columns * transform.geometry.padded))


def fold(value: Tensor, dim: int | None, size: int) -> Tensor:
    """Merge a mapped dimension into the rows; an unmapped value is repeated."""
    value = value.expand(size, *value.shape) if dim is None else value.movedim(dim, 0)
    return value.flatten(0, 1)


class Scatter(torch.autograd.Function):
    """x [B, N] → S [B, D]."""

    @staticmethod
    def forward(x: Tensor, config: Config) -> Tensor:
        transform = cascade(x, config)
        if not len(x):
            return transform.push(x.new_zeros(1, 1, x.shape[-1]))[:0, 0]
        return torch.cat([transform.push(part[:, None])[:, 0] for part in x.split(rows(transform, 1))])

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
        return Tangent.apply(ctx.saved_tensors[0], tangents[0][:, None], ctx.config)[:, 0]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, config: Config) -> tuple[Tensor, int]:
        return Scatter.apply(fold(x, in_dims[0], info.batch_size), config).unflatten(0, (info.batch_size, -1)), 0


class Tangent(torch.autograd.Function):
    """x [B, N], P directions dx [B, P, N] → dS [B, P, D]."""

    @staticmethod
    def forward(x: Tensor, dx: Tensor, config: Config) -> Tensor:
        transform, out = cascade(x, config), []
        if not dx.numel():
            return transform.push(x.new_zeros(1, 1, x.shape[-1])).expand(*dx.shape[:2], -1)
        for some in dx.split(DIRECTIONS, 1):
            columns = torch.cat([x[:, None], some], 1)
            out.append(torch.cat([transform.push(part)[:, 1:] for part in columns.split(rows(transform, columns.shape[1]))]))
        return torch.cat(out, 1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Config], output: Tensor) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, dx: Tensor, config: Config) -> tuple[Tensor, int]:
        if in_dims[0] is None:
            dx = dx.movedim(in_dims[1], 1)
            return Tangent.apply(x, dx.flatten(1, 2), config).unflatten(1, dx.shape[1:3]), 1
        x, dx = (fold(value, dim, info.batch_size) for value, dim in zip((x, dx), in_dims, strict=False))
        return Tangent.apply(x, dx, config).unflatten(0, (info.batch_size, -1)), 0


class Adjoint(torch.autograd.Function):
    """x [B, N], gradient S [B, D] → gradient of x [B, N]."""

    @staticmethod
    def forward(x: Tensor, S: Tensor, config: Config) -> Tensor:
        transform = cascade(x, config)
        size = rows(transform, 1)
        if not len(x):
            return torch.zeros_like(x)
        parts = zip(x.split(size), S.split(size), strict=True)
        return torch.cat([transform.pull(part[:, None], s[:, None])[:, 0] for part, s in parts])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Config], output: Tensor) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, S: Tensor, config: Config) -> tuple[Tensor, int]:
        x, S = (fold(value, dim, info.batch_size) for value, dim in zip((x, S), in_dims, strict=False))
        return Adjoint.apply(x, S, config).unflatten(0, (info.batch_size, -1)), 0
