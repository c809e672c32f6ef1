"""Columns of a Jacobian that are measured: differences between two ends of a number, secants between the options of a choice."""

from __future__ import annotations

import torch
from torch import Tensor

from .space import Space


def moved(space: Space, index: int, nu: Tensor, step: float) -> list[Tensor]:
    """ν [B, W] moved along one parameter: to each option in turn; or up and down by `step` where its range is [−1, 1], within its bounds.

    A number that has steps moves by one of them at least.
    """
    p, block = space[index], space.slices[index]
    if p.options:
        return [_with(nu, block, corner.expand(len(nu), -1)) for corner in 2 * torch.eye(p.width, dtype=nu.dtype, device=nu.device) - 1]
    one, u = Space(p, normalize=space.normalize), nu[:, block]
    low, high = one.bounds(nu)
    h = step * (high - low) / 2
    up, down = (u + h).clamp(max=high), (u - h).clamp(min=low)
    if p.count:
        here = one.to_theta(u)
        up = one.to_nu(torch.maximum(one.to_theta(up), here + p.step).clamp(max=p.high))
        down = one.to_nu(torch.minimum(one.to_theta(down), here - p.step).clamp(min=p.low))
    return [_with(nu, block, up), _with(nu, block, down)]


def measured(heard: list[Tensor], at: list[Tensor], nu: Tensor, choice: bool) -> Tensor:
    """Columns [B, D, k] from S [B, D] at the points and the parameter's coordinates there [B, k]; `nu` [B, k] are its own.

    (S(up) − S(down)) / (ν(up) − ν(down)); of a choice the secants (S(option) − S(its own)) / 2, zero for its own.
    """
    if not choice:
        return ((heard[0] - heard[1]) / (at[0] - at[1]))[:, :, None]
    S = torch.stack(heard, -1)
    own = nu.argmax(1)[:, None, None].expand(-1, S.shape[1], 1)
    return (S - S.gather(-1, own)) / 2


def _with(nu: Tensor, block: slice, coordinates: Tensor) -> Tensor:
    """ν with other coordinates there."""
    return torch.cat([nu[:, : block.start], coordinates, nu[:, block.stop :]], 1)
