"""Matching one sound: a global stage that chooses starts, then a solver."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from . import designs, progress
from .executor import single_thread
from .problem import Problem, finite
from .solver import Solution, Solver


@dataclass
class Match:
    """What was found: named parameters with units, the distance ‖Φ(x̂) − Φ(x)‖₂ and that of a typical candidate, both sounds."""

    synth: str
    feature: str
    solver: str
    parameters: dict[str, float]
    units: dict[str, str]
    distance: float
    random_distance: float
    converged: bool
    advice: str
    notes: list[str]
    seconds: float
    history: list[tuple[int, float]]
    nu: Tensor
    x: Tensor
    x_hat: Tensor
    sample_rate: float

    def as_dict(self) -> dict[str, Any]:
        """Everything but the sounds, JSON-ready."""
        plain = asdict(self)
        for name in ("nu", "x", "x_hat"):
            del plain[name]
        return plain


@single_thread()
def solve(
    problem: Problem, x: Tensor, solver: Solver, *, candidates: int, keep: int, seed: int, budget: float | None
) -> tuple[Solution, float]:
    """The solution for x [N] and the median distance of the random candidates.

    Starts are the `keep` nearest in Φ of what the synth guesses from x and of `candidates` Sobol points.
    """
    S = finite(problem.feature(x[None]), f"The feature {type(problem.feature).__name__}")[0]
    sobol = designs.draw(problem.synth, "sobol", {"train": candidates}, seed)["train"].to(x)
    guess = problem.synth.guess(x).to(x).clamp(-1, 1)
    nu = torch.cat([guess, sobol])
    distances = _distances(problem, nu, S)
    starts = nu[distances.argsort()[:keep]]
    typical = float(distances[len(guess) :].median())
    progress.log.info("Nearest of %d candidates: %.4g; typical: %.4g.", len(nu), float(distances.min()), typical)
    solution = solver.solve(problem, S, starts, _timer(budget))
    if float(distances.min()) < solution.distance:
        nearest = int(distances.argmin())
        solution = Solution(
            nu[nearest], float(distances[nearest]), False, "The solver did not improve on the best candidate.", solution.history
        )
    return solution, typical


@torch.no_grad()
def _distances(problem: Problem, nu: Tensor, S: Tensor, chunk: int = 8) -> Tensor:
    with progress.bar("Candidates", len(nu), "sounds") as advance:
        found = []
        for rows in nu.split(chunk):
            found.append((finite(problem(rows), "The problem") - S).norm(dim=1))
            advance(len(rows))
    return torch.cat(found)


def _timer(budget: float | None) -> Callable[[], bool]:
    end = time.monotonic() + budget if budget is not None else float("inf")
    return lambda: time.monotonic() > end
