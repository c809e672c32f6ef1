"""Levenberg–Marquardt for a single sound."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..hooks.bounds import check_bounds, option
from ..solver import STOPPED, Forward, Solution, Solver


@dataclass
class LMOptions:
    """Levenberg–Marquardt.

    iterations: steps, accepted or not, from each start
    damping: initial damping, relative to the largest eigenvalue of JᵀJ
    tolerance: converged when a step is shorter than this, in ν
    reached: distance, relative to the target's norm, below which a start goes on alone
    """

    iterations: int = option(50, low=1, high=10**6)
    damping: float = option(1e-2, above=0, high=10**6)
    tolerance: float = option(1e-7, above=0, high=2)
    reached: float = option(1e-3, low=0, high=1)

    def __post_init__(self) -> None:
        check_bounds(self)


TRUSTED = 0.5
"""Of the decrease that the model predicts: above it the model is corrected by what was seen, below it the derivative is asked for again."""

Requests = Generator[tuple[str, Tensor], Tensor, None]
"""What a start asks for: ("S", ν [1, P]), answered by S [1, D], or ("J", ν [1, P]), answered by J [1, D, P]."""


class LevenbergMarquardt(Solver):
    """δ = −(JᵀJ + λI)⁻¹Jᵀr within the bounds, λ steered by the gain ratio (Nielsen 1999, damping parameter in Marquardt's method).

    A derivative costs as much as P sounds: after a step that came out as predicted, by more than half, J is corrected by what was seen,
    J + (Δr − Jδ)δᵀ/δᵀδ (Broyden, Mathematics of Computation 19, 1965), and asked for anew after any other, and before the end.
    The step is solved in float64 from a QR of [J; √λ I], without forming JᵀJ. Parameters at a bound whose step points
    outwards are held. All starts go on together, nearest first where the time is short, and the sounds they ask for are computed in
    batches; once one has reached the target, the others are given up.
    """

    Options = LMOptions

    def solve(self, forward: Forward, target: Tensor, nu0: Tensor, stop: Callable[[], bool] = lambda: False) -> Solution:
        runs = [_Run(target, start, self.options) for start in nu0.clamp(-1, 1)]
        waiting = [(run, requests, next(requests)) for run in runs for requests in [run.requests()]]
        evaluations, history = 0, []
        while waiting and not (evaluations and stop()):
            answers, cost = _answer(forward, [request for _, _, request in waiting], stop)
            evaluations += cost
            later = [one for k, one in enumerate(waiting) if k not in answers]
            asked = [(run, r, _advance(r, answers[k])) for k, (run, r, _) in enumerate(waiting) if k in answers]
            waiting = later + [(run, r, n) for run, r, n in asked if n is not None]
            history.append((evaluations, min(run.distance for run in runs)))
            if any(run.reached for run in runs):
                waiting = [one for one in waiting if one[0].reached]
        runs.sort(key=lambda run: run.distance)
        best = runs[0]
        advice = STOPPED if waiting else f"Not converged in {self.options.iterations} iterations: raise solver.iterations."
        if best.ended:
            stuck = "Stuck: no short step improves, the representation is not smooth here. Try more --candidates or --starts."
            advice = "Converged." if best.converged else stuck
        return Solution(best.nu, best.distance, best.converged, advice, history, [(run.nu, run.distance) for run in runs])


def _advance(requests: Requests, answer: Tensor) -> tuple[str, Tensor] | None:
    try:
        return requests.send(answer)
    except StopIteration:
        return None


@torch.no_grad()
def _answer(forward: Forward, requests: list[tuple[str, Tensor]], stop: Callable[[], bool]) -> tuple[dict[int, Tensor], int]:
    """The answers by the request's place, and what they cost in evaluations of S.

    All S are one batch, and so are all J on a device that needs one. A CPU gains nothing by it, and J may take seconds: there the first J
    is computed unless it is time to stop, and the others wait for their turn, while those that have theirs go on.
    """
    S, J = ([k for k, (asked, _) in enumerate(requests) if asked == kind] for kind in ("S", "J"))
    answers, cost = dict[int, Tensor](), 0

    def points(places: list[int]) -> Tensor:
        return torch.cat([requests[k][1] for k in places])

    if S:
        answers, cost = dict(zip(S, forward(points(S)).split(1), strict=True)), len(S)
    if requests[0][1].device.type == "cpu":
        J = [] if cost and stop() else J[:1]
    if J:
        answers |= zip(J, forward.jacobian(points(J)).split(1), strict=True)
        cost += points(J).numel()
    return answers, cost


class _Run:
    """One start, on its way: a generator that asks for S and J."""

    def __init__(self, target: Tensor, nu: Tensor, options: LMOptions) -> None:
        self.target, self.nu, self.options = target.double(), nu, options
        self.residual, self.distance, self.ended, self.converged = self.target, torch.inf, False, False

    @property
    def reached(self) -> bool:
        """Whether this is the sound."""
        return self.distance <= self.options.reached * float(self.target.norm())

    def requests(self) -> Requests:
        self._move(self.nu, (yield "S", self.nu[None])[0].double() - self.target)
        J, exact, damping, growth = None, False, 0.0, 2.0
        for _ in range(self.options.iterations):
            if J is None:
                J, exact = (yield "J", self.nu[None])[0].double(), True
                damping = damping or self.options.damping * float(torch.linalg.matrix_norm(J, 2)) ** 2 or 1.0
            nu = (self.nu + self._delta(J, damping).to(self.nu)).clamp(-1, 1)
            moved = (nu - self.nu).double()
            if float(moved.norm()) < self.options.tolerance:
                if not exact:
                    J = None
                    continue
                self.ended, self.converged = True, growth == 2.0  # short by itself, not because longer steps failed
                return
            residual = (yield "S", nu[None])[0].double() - self.target
            predicted = float(self.residual.square().sum() - (self.residual + J @ moved).square().sum())
            actual = self.distance**2 - float(residual.square().sum())
            if actual > 0 and predicted > 0:
                told = residual - self.residual - J @ moved
                J = J + told[:, None] * moved / moved.square().sum() if actual > TRUSTED * predicted else None
                self._move(nu, residual)
                exact, growth = False, 2.0
                damping *= max(1 / 3, 1 - (2 * actual / predicted - 1) ** 3)
            elif exact:
                damping, growth = damping * growth, 2 * growth
            else:
                J = None

    def _move(self, nu: Tensor, residual: Tensor) -> None:
        self.nu, self.residual, self.distance = nu, residual, float(residual.norm())

    def _delta(self, J: Tensor, damping: float) -> Tensor:
        """The damped step with parameters held that would leave their bounds."""
        r, P = self.residual, len(self.nu)
        gradient = J.mT @ r
        free = ~(((self.nu >= 1) & (gradient < 0)) | ((self.nu <= -1) & (gradient > 0)))
        A = torch.cat([J * free, damping**0.5 * torch.eye(P, dtype=J.dtype, device=J.device)])
        b = torch.cat([-r, r.new_zeros(P)])
        solution: Tensor = torch.linalg.lstsq(A, b[:, None]).solution[:, 0]
        return solution * free
