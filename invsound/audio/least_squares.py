"""Least squares for many small problems at once: what those who listen refine their guesses with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..system.shared import forward_mode


def derivatives(f: Callable[[Tensor], Tensor], q: Tensor) -> tuple[Tensor, Tensor]:
    """f(q) [K, …] and its derivatives [K, …, Q], where row by row f depends on q [K, Q], one direction after the other."""
    directions = torch.eye(q.shape[1], dtype=q.dtype, device=q.device)
    with forward_mode:
        columns = [torch.func.jvp(f, (q,), (e.expand_as(q),)) for e in directions]
    return columns[0][0], torch.stack([column[1] for column in columns], -1)


def newton(J: Tensor, r: Tensor, damping: Tensor) -> Tensor:
    """The step −(JᵀJ + diag(damping))⁻¹ Jᵀr from J [K, D, Q], r [K, D] and damping [K, Q], by a QR that does not square J."""
    Q, R = torch.linalg.qr(torch.cat([J, torch.diag_embed(damping.sqrt() + 1e-12)], 1))
    b = -(Q[:, : r.shape[1]].mT @ r[..., None])
    step: Tensor = torch.linalg.solve_triangular(R, b, upper=True)[..., 0]
    return step.nan_to_num(0, 0, 0)


def least_squares(
    residual: Callable[[Tensor], Tensor],
    q: Tensor,
    *,
    low: float | Tensor = -torch.inf,
    high: float | Tensor = torch.inf,
    longest: float = torch.inf,
    steps: int = 12,
    enough: float = 0.0,
) -> Tensor:
    """q [K, Q] moved to where ½‖residual(q)‖² is least, row by row, by Levenberg–Marquardt; no row ever gets worse.

    residual: q [K, Q] → r [K, D], differentiable in forward mode; low, high: bounds [Q], which q is within; longest: of a step in each
    coordinate; steps: at most; enough: stop where twice in a row the nearest row has lost less than this share of its ‖r‖. Each row has
    its damping, relative to diag(JᵀJ) (Marquardt, J. SIAM 11, 1963): from 1e-3, a tenth after a success, tenfold after a failure.
    A row whose r is no number stays where it is.
    """
    low, high = torch.as_tensor(low).to(q), torch.as_tensor(high).to(q)
    (r, J), damping, idle = derivatives(residual, q), q.new_full((len(q), 1), 1e-3), 0
    for _ in range(steps):
        step = newton(J, r, damping * J.square().sum(1)).clamp(-longest, longest)
        tried = torch.minimum(torch.maximum(q + step, low), high)
        r_tried, J_tried = derivatives(residual, tried)
        before, after = r.norm(dim=1), r_tried.norm(dim=1)
        better = (after < before)[:, None]  # not if it is a NaN
        q, r, J = torch.where(better, tried, q), torch.where(better, r_tried, r), torch.where(better[..., None], J_tried, J)
        damping = torch.where(better, damping / 10, damping * 10).clamp(1e-12, 1e12)
        idle = 0 if _least(after) < (1 - enough) * _least(before) else idle + 1
        if enough and idle == 2:
            break
    return q


def _least(norms: Tensor) -> Tensor:
    return norms.nan_to_num(torch.inf).min()
