"""Padding in time, and its adjoint."""

from __future__ import annotations

import torch
from torch import Tensor

from .plan import Plan


def pad(x: Tensor, plan: Plan) -> Tensor:
    """[..., N] → [..., padded]: zeros, or a reflection that does not repeat the border sample."""
    N, left, right = plan.config.num_samples, plan.geometry.left, plan.geometry.right
    if plan.config.padding == "zero":
        return torch.nn.functional.pad(x, (left, right))
    return torch.cat([x[..., 1 : left + 1].flip(-1), x, x[..., N - 1 - right : N - 1].flip(-1)], -1)


def unpad(p: Tensor, plan: Plan) -> Tensor:
    """The adjoint of `pad`: [..., padded] → [..., N]."""
    N, left, right = plan.config.num_samples, plan.geometry.left, plan.geometry.right
    x = p[..., left : left + N].clone()
    if plan.config.padding == "reflect":
        x[..., 1 : left + 1] += p[..., :left].flip(-1)
        x[..., N - 1 - right : N - 1] += p[..., left + N :].flip(-1)
    return x
