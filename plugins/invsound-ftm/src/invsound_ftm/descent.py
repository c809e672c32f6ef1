"""Coming down to where residuals are least, for points whose every sound costs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from invsound import newton

DAMPINGS = (1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
LEAST = 1e-3  # of the greatest of diag JᵀJ, for which the least of it counts: no step is wild where nothing is heard
LONGEST = 0.3

Residual = Callable[[Tensor], Tensor]
"""ν [K, P] → what is to become small [K, D]."""


def descend(residual: Residual, nu: Tensor, steps: int, enough: float = 0.0) -> tuple[Tensor, Tensor]:
    """ν [K, P] after so many steps of Levenberg–Marquardt, each by the best of some dampings, and ‖residual‖ [K], nearest first.

    A row stops where no damping makes it better, or two steps in a row have brought less than the share `enough`. A coordinate at the end
    of its range whose slope points outwards is held, and the others go where they would go without it.
    """
    r, eye = residual(nu), torch.eye(nu.shape[1], dtype=nu.dtype)
    idle = torch.where(r.isfinite().all(1), 0, 2)
    for _ in range(steps):
        rows = (idle < 2).nonzero()[:, 0]
        if not len(rows):
            break
        at, left = nu[rows], r[rows]
        J = torch.func.vmap(lambda e, at=at: torch.func.jvp(residual, (at,), (e.expand_as(at),))[1], out_dims=-1)(eye)
        outwards = (at.abs() >= 1) & (at * (left[:, None] @ J)[:, 0] < 0)
        Q, R = torch.linalg.qr(J * ~outwards[:, None])
        scale, b = R.square().sum(1), (left[:, None] @ Q)[:, 0]
        scale = scale + LEAST * scale.amax(1, keepdim=True)
        moved = torch.stack([newton(R, b, damping * scale).clamp(-LONGEST, LONGEST) for damping in DAMPINGS])
        tried = (at + moved).clamp(-1, 1)
        found = residual(tried.flatten(0, 1)).unflatten(0, tried.shape[:2])
        norms, which = found.norm(dim=2).nan_to_num(torch.inf).min(0)
        before, each = left.norm(dim=1), torch.arange(len(rows))
        better = norms < before
        nu, r = nu.index_put((rows[better],), tried[which, each][better]), r.index_put((rows[better],), found[which, each][better])
        idle[rows] = torch.where(better, (idle[rows] + 1) * (norms > (1 - enough) * before), 2)
    distance, order = r.norm(dim=1).sort()
    return nu[order], distance


def nearest(found: list[tuple[Tensor, Tensor]], most: int) -> tuple[Tensor, Tensor]:
    """The `most` nearest of ν [K, P] and distances [K] of several descents."""
    distance, order = torch.cat([far for _, far in found]).sort()
    return torch.cat([nu for nu, _ in found])[order[:most]], distance[:most]
