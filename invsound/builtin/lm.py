"""Levenberg–Marquardt for a single sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from invsound.solver import Forward, Solution, Solver


@dataclass
class LMOptions:
    """Levenberg–Marquardt.

    iterations: steps, accepted or not, from each start
    damping: initial damping, relative to the largest eigenvalue of JᵀJ
    tolerance: converged when a step is shorter than this, in ν
    """

    iterations: int = 50
    damping: float = 1e-2
    tolerance: float = 1e-7

    def __post_init__(self) -> None:
        if self.iterations < 1 or not self.damping > 0 or not self.tolerance > 0:
            raise ValueError(f"iterations ≥ 1, damping > 0 and tolerance > 0, got {self.iterations}, {self.damping} and {self.tolerance}")


class LevenbergMarquardt(Solver):
    """δ = −(JᵀJ + λI)⁻¹Jᵀr within the bounds, λ steered by the gain ratio (Nielsen 1999, damping parameter in Marquardt's method).

    The step is solved in float64 from a QR of [J; √λ I], without forming JᵀJ. Parameters at a bound whose step points
    outwards are held. All starts go on together until the best of them has converged or the iterations are spent.
    """

    Options = LMOptions

    def solve(self, forward: Forward, target: Tensor, nu0: Tensor, stop: Callable[[], bool] = lambda: False) -> Solution:
        runs = [_Run(forward, target, start, self.options) for start in nu0.clamp(-1, 1)]
        evaluations, history = len(runs), []
        for _ in range(self.options.iterations):
            active = [run for run in runs if not run.ended]
            if not active or stop():
                break
            for run in active:
                evaluations += run.step()
                history.append((evaluations, min(r.distance for r in runs)))
                if stop():
                    break
        best = min(runs, key=lambda run: run.distance)
        advice = "Not converged: allow more iterations or time."
        if best.ended:
            advice = (
                "Converged."
                if best.converged
                else "Stuck: no short step improves, the representation is not smooth here. Try more candidates or starts."
            )
        return Solution(best.nu, best.distance, best.converged, advice, history)


class _Run:
    """One start, on its way."""

    def __init__(self, forward: Forward, target: Tensor, nu: Tensor, options: LMOptions) -> None:
        self.forward, self.target, self.nu, self.options = forward, target, nu, options
        self.residual = forward(nu[None])[0] - target
        self.distance = float(self.residual.double().norm())
        self.J: Tensor | None = None
        self.damping, self.growth, self.ended, self.converged = 0.0, 2.0, False, False

    def step(self) -> int:
        """Try one step; the number of evaluations of S that it cost."""
        cost = 1
        if self.J is None:
            self.J = self.forward.jacobian(self.nu[None])[0].double()
            cost += len(self.nu)
            if not self.damping:
                self.damping = self.options.damping * float(torch.linalg.matrix_norm(self.J, 2)) ** 2 or 1.0
        delta = self._delta()
        nu = (self.nu + delta.to(self.nu.dtype)).clamp(-1, 1)
        moved = (nu - self.nu).double()
        if float(moved.norm()) < self.options.tolerance:
            self.ended, self.converged = True, self.growth == 2.0  # short by itself, not because longer steps failed
            return cost - 1
        residual = self.forward(nu[None])[0] - self.target
        self._accept_or_not(nu, moved, residual)
        return cost

    def _delta(self) -> Tensor:
        """The damped step with parameters held that would leave their bounds."""
        assert self.J is not None
        r, P = self.residual.double(), len(self.nu)
        gradient = self.J.mT @ r
        free = ~(((self.nu >= 1) & (gradient < 0)) | ((self.nu <= -1) & (gradient > 0)))
        J = self.J * free
        A = torch.cat([J, self.damping**0.5 * torch.eye(P, dtype=J.dtype, device=J.device)])
        b = torch.cat([-r, r.new_zeros(P)])
        solution: Tensor = torch.linalg.lstsq(A, b[:, None]).solution[:, 0]
        return solution * free

    def _accept_or_not(self, nu: Tensor, moved: Tensor, residual: Tensor) -> None:
        assert self.J is not None
        r = self.residual.double()
        predicted = float(r.square().sum() - (r + self.J @ moved).square().sum())
        distance = float(residual.double().norm())
        gain = (self.distance**2 - distance**2) / predicted if predicted > 0 else -1.0
        if distance < self.distance and gain > 0:
            self.nu, self.residual, self.distance, self.J = nu, residual, distance, None
            self.damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
            self.growth = 2.0
        else:
            self.damping *= self.growth
            self.growth *= 2
