"""Least squares for many small problems at once: what those who listen refine their guesses with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..system.shared import forward_mode

DAMPINGS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # relative to diag JᵀJ
LONGEST = 0.3  # step in a coordinate


def derivatives(f: Callable[[Tensor], Tensor], q: Tensor) -> tuple[Tensor, Tensor]:
    """f(q) [K, …] and its derivatives [K, …, Q], where row by row f depends on q [K, Q], in all directions together.

    f works under `torch.func`, `jvp` within `vmap`; what is random in it is the same in every direction.
    """

    def push(direction: Tensor) -> tuple[Tensor, Tensor]:
        made, tangent = torch.func.jvp(f, (q,), (direction.expand_as(q),))[:2]
        return made, tangent

    with forward_mode:
        directions = torch.eye(q.shape[1], dtype=q.dtype, device=q.device)
        made, J = torch.func.vmap(push, out_dims=(0, -1), randomness="same")(directions)
    return made[0], J


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


def descend(
    residual: Callable[[Tensor], Tensor],
    nu: Tensor,
    steps: int,
    *,
    enough: float = 0.0,
    jacobian: Callable[[Tensor], Tensor] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Tensor, Tensor]:
    """ν [K, P] within ±1 after so many steps of Levenberg–Marquardt, each by the best of some dampings, and ‖residual‖ [K], nearest first.

    For sounds that cost: a step is one derivative and a batch of sounds, where `least_squares` is for what costs little. residual:
    ν [K, P] → r [K, D], differentiable in forward mode, or with its `jacobian`, ν → J [K, D, P]. A row stops where no damping makes it
    better, or two steps in a row have brought less than the share `enough`, and all of them once `stop()`. A coordinate at the end of its
    range whose slope points outwards is held, and the others go where they would go without it. A row whose r is no number stays.
    """
    jacobian, r = jacobian or (lambda nu: derivatives(residual, nu)[1]), residual(nu)
    idle = torch.where(r.isfinite().all(1), 0, 2)
    for _ in range(steps):
        rows = (idle < 2).nonzero()[:, 0]
        if stop() or not len(rows):
            break
        at, left = nu[rows], r[rows]
        J = jacobian(at)
        outwards = (at.abs() >= 1) & (at * (left[:, None] @ J)[:, 0] < 0)
        Q, R = torch.linalg.qr(J * ~outwards[:, None])
        scale, b = R.square().sum(1), (left[:, None] @ Q)[:, 0]  # as of J: Q is orthogonal
        moved = torch.stack([newton(R, b, damping * scale).clamp(-LONGEST, LONGEST) for damping in DAMPINGS])
        tried = (at + moved).clamp(-1, 1)
        found = residual(tried.flatten(0, 1)).unflatten(0, tried.shape[:2])
        norms, which = found.norm(dim=2).nan_to_num(torch.inf).min(0)
        before, each = left.norm(dim=1), torch.arange(len(rows), device=nu.device)
        better = norms < before
        nu, r = nu.index_put((rows[better],), tried[which, each][better]), r.index_put((rows[better],), found[which, each][better])
        idle[rows] = torch.where(better, (idle[rows] + 1) * (norms > (1 - enough) * before), 2)
    distance, order = r.norm(dim=1).sort()
    return nu[order], distance
