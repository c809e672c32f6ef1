"""What a trained encoder answers, corrected once by how the sound of its answer differs."""

from __future__ import annotations

import torch
from torch import Tensor

from ..audio.alignment import until
from ..audio.recording import Recording
from ..problem import Problem, finite

DAMPING = 0.3
LEAST = 1e-3  # of the mean of M_kk: what has next to no slope moves next to nothing
FARTHEST = 0.2  # in ν: a linearization knows no more


class Correction:
    """ν → ν + δ, with δ = (M + λD)⁻¹Jᵀ(Φ(x) − Φ(g(ν))), M = JᵀJ at ν and D = diag(M): one step of Gauss–Newton.

    It is damped as Marquardt did (SIAM Journal on Applied Mathematics 11, 1963), and solved from a QR, without forming M.
    It costs a Jacobian and the sound at ν. Nothing is searched for: δ is what it is, at most FARTHEST in each coordinate, and within the
    bounds. Options stay as they are. The recording is compared until it ends, above its noise, as `match` does it.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @torch.no_grad()
    def __call__(self, recording: Recording, nu: Tensor) -> Tensor:
        """ν [W] → ν + δ [W]."""
        signal, row = self.problem.synth.signal, nu[None].float()
        window = until(recording.end, signal.num_samples, signal.sample_rate)
        problem = self.problem.within(window, None if recording.floor is None else recording.floor * window)
        J = problem.jacobian(row, options=False)[0].double()
        r = (problem.represent((recording.x * window)[None]) - problem(row))[0].double()
        slopes = J.square().sum(0)
        damping = (DAMPING * (slopes + LEAST * slopes.mean())).sqrt()
        R = torch.cat([J, damping.diag()])
        step = torch.linalg.lstsq(R, torch.cat([r, torch.zeros_like(slopes)])[:, None]).solution[:, 0]
        return (nu + finite(step, "The correction").clamp(-FARTHEST, FARTHEST).to(nu)).clamp(-1, 1)
