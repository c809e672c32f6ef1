"""What the loss asks of M = RᵀR: its trace, its spectrum, its mean over a neighbourhood; and how far apart sounds are."""

from __future__ import annotations

import torch
from torch import Tensor

from invsound import Problem

TINY = torch.finfo(torch.float64).tiny


def trace(R: Tensor) -> Tensor:
    """tr M [B], positive: of a sound that reacts to nothing it is as good as zero."""
    return R.square().sum((1, 2)).clamp_min(TINY)


def balanced(R: Tensor) -> Tensor:
    """The factor [B, W, W] of M / tr M."""
    return R / trace(R).sqrt()[:, None, None]


def largest(R: Tensor) -> Tensor:
    """The largest eigenvalue σ₁ of M [B]."""
    return torch.linalg.svdvals(R)[:, 0].square()


def along(e: Tensor, R: Tensor) -> Tensor:
    """½ σₖ (vₖᵀe)² [B, P], steepest first: ½ eᵀMe split over the eigenvectors of M."""
    _, s, V = torch.linalg.svd(R)
    return 0.5 * (s * (V @ e[:, :, None])[:, :, 0]).square()


def smoothed(problem: Problem, nu: Tensor, radius: float, samples: int) -> Tensor:
    """R [B, W, W] of the mean of M over Sobol points of a cube around each ν [B, P], cut off at the bounds.

    The cube is the same around every ν. Its half-width is `radius` times half the range of each number; options stay as they are.
    """
    cube = 2 * torch.quasirandom.SobolEngine(nu.shape[1], scramble=True, seed=0).draw(samples).to(nu) - 1
    cube = cube * ~problem.space.columns([bool(p.options) for p in problem.space], nu.device)
    low, high = problem.space.bounds(nu)
    points = [(nu + radius * (high - low) / 2 * shift).clamp(low, high) for shift in cube]
    factors = torch.cat([problem.metric_factor(point) for point in points], 1)
    return torch.linalg.qr(factors / samples**0.5, mode="r").R


@torch.no_grad()
def typical_distance(problem: Problem, like: Tensor, sounds: int = 32) -> float:
    """The median of ‖S(ν) − S(ν′)‖ over all pairs of some sounds, drawn with a fixed seed."""
    share = torch.rand(sounds, len(problem.space), generator=torch.Generator().manual_seed(0)).to(like.device)
    S = torch.cat([problem(row[None]) for row in problem.space.at(share)])
    return max(float(torch.nn.functional.pdist(S.double()).median()), TINY**0.25)
