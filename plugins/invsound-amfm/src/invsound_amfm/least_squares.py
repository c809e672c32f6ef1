"""Least squares in small batches."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def least_squares(model: Callable[[Tensor, Tensor], Tensor], q: Tensor, given: Tensor, target: Tensor, steps: int = 12) -> Tensor:
    """q [K, Q] that minimises ‖model(q, given) − target‖² in every row, from a start, by Levenberg–Marquardt; it never gets worse.

    `model` takes one row of q and of `given`, and is smooth; damping is relative to the diagonal of JᵀJ (Marquardt 1963).
    """
    linearize = torch.func.vmap(lambda q, given: (model(q, given), torch.func.jacfwd(model)(q, given)))
    m, J = linearize(q, given)
    damping = torch.full_like(q[:, 0], 1e-3)
    for _ in range(steps):
        trial = q - _step(J, m - target, damping)
        m_trial, J_trial = linearize(trial, given)
        better = (m_trial - target).square().sum(1) < (m - target).square().sum(1)  # not if it is a NaN
        q, m = torch.where(better[:, None], trial, q), torch.where(better[:, None], m_trial, m)
        J = torch.where(better[:, None, None], J_trial, J)
        damping = (damping * torch.where(better, 0.1, 10.0)).clamp(1e-12, 1e12)
    return q


def _step(J: Tensor, r: Tensor, damping: Tensor) -> Tensor:
    """(JᵀJ + λ diag JᵀJ)⁻¹ Jᵀr [K, Q]."""
    H = J.mT @ J
    scale = H.diagonal(dim1=-2, dim2=-1)
    floor = torch.finfo(H.dtype).eps * scale.amax(1, keepdim=True) + torch.finfo(H.dtype).tiny
    step: Tensor = torch.linalg.solve_ex(H + torch.diag_embed(damping[:, None] * scale + floor), J.mT @ r[..., None])[0]
    return step[..., 0]
