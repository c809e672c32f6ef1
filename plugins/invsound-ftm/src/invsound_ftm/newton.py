"""Gauss–Newton steps for many small problems at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def derivatives(f: Callable[[Tensor], Tensor], nu: Tensor) -> tuple[Tensor, Tensor]:
    """f(ν) [C, …] and its derivatives [C, …, P], where row by row f depends on ν [C, P], one direction after the other."""
    directions = torch.eye(nu.shape[1], dtype=nu.dtype)
    columns = [torch.func.jvp(f, (nu,), (e.expand_as(nu),)) for e in directions]
    return columns[0][0], torch.stack([column for _, column in columns], -1)


def newton(J: Tensor, r: Tensor, damping: Tensor) -> Tensor:
    """The step −(JᵀJ + diag(damping))⁻¹ Jᵀr from J [C, D, P], r [C, D] and damping [C, P], by a QR that does not square J."""
    Q, R = torch.linalg.qr(torch.cat([J, torch.diag_embed(damping.sqrt() + 1e-12)], 1))
    b = -(Q[:, : r.shape[1]].mT @ r[..., None])
    return torch.linalg.solve_triangular(R, b, upper=True)[..., 0].nan_to_num(0, 0, 0)
