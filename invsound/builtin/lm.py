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
    outwards are held. All starts go on together: on a device the sounds that they ask for are computed in batches, on a CPU the nearest
    start has every other one. Once one has reached the target, the others are given up.
    """

    Options = LMOptions

    @torch.no_grad()
    def solve(self, forward: Forward, target: Tensor, nu0: Tensor, stop: Callable[[], bool] = lambda: False) -> Solution:
        runs = [_Run(target, start, self.options) for start in nu0.clamp(-1, 1)]
        waiting, history = list(runs), list[tuple[int, float]]()
        while waiting and not (history and stop()):
            turn = _turn(waiting) if nu0.device.type == "cpu" else waiting
            sounds, slopes = ([run for run in turn if run.asks == kind] for kind in ("S", "J"))
            _answer(forward, sounds)
            _answer(forward.jacobian, slopes)
            others = set(waiting) - set(turn)
            waiting = [run for run in waiting if run in others] + [run for run in turn if run.asks]
            history.append((sum(run.spent for run in runs), min(run.distance for run in runs)))
            if any(run.reached for run in runs):
                waiting = [run for run in waiting if run.reached]
        runs.sort(key=lambda run: run.distance)
        best = runs[0]
        advice = STOPPED if waiting else f"Not converged in {self.options.iterations} iterations: raise solver.iterations."
        if best.ended:
            stuck = "Stuck: no short step improves, the representation is not smooth here. Try more --candidates or --starts."
            advice = "Converged." if best.converged else stuck
        return Solution(best.nu, best.distance, best.converged, advice, history, [(run.nu, run.distance) for run in runs])


def _turn(waiting: list[_Run]) -> list[_Run]:
    """Whose turn it is where sounds made together take as long as one after the other: the nearest has every other evaluation, and of the
    rest those that ask for sounds, or else the first that asks for a derivative."""
    if any(not run.spent for run in waiting):
        return waiting
    nearest = min(waiting, key=lambda run: run.distance)
    rest = [run for run in waiting if run is not nearest]
    if nearest.spent <= sum(run.spent for run in rest) or not rest:
        return [nearest]
    return [run for run in rest if run.asks == "S"] or rest[:1]


def _answer(compute: Callable[[Tensor], Tensor], runs: list[_Run]) -> None:
    """Tell runs that ask for the same thing, computed as one batch."""
    if runs:
        for run, answer in zip(runs, compute(torch.cat([run.at for run in runs])).split(1), strict=True):
            run.tell(answer)


class _Run:
    """One start, on its way: it `asks` for "S" or "J" `at` ν [1, P], or for nothing more, and has `spent` so many evaluations of S."""

    def __init__(self, target: Tensor, nu: Tensor, options: LMOptions) -> None:
        self.target, self.nu, self.options = target.double(), nu, options
        self.residual, self.distance, self.ended, self.converged = self.target, torch.inf, False, False
        self.spent, self.requests = 0, self._requests()
        self.asks, self.at = next(self.requests)

    def tell(self, answer: Tensor) -> None:
        """S [1, D] or J [1, D, P], whatever it asked for."""
        self.spent += 1 if self.asks == "S" else self.at.numel()
        try:
            self.asks, self.at = self.requests.send(answer)
        except StopIteration:
            self.asks = ""

    @property
    def reached(self) -> bool:
        """Whether this is the sound."""
        return self.distance <= self.options.reached * float(self.target.norm())

    def _requests(self) -> Requests:
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
