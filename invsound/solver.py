"""A solver: finds the parameters of one sound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from torch import Tensor

from .errors import InvsoundError
from .hooks.culprit import answer
from .hooks.registry import named


class Forward(Protocol):
    """S(ν) [B, P] → [B, D] and its Jacobian [B, D, P]; a `Problem` is one."""

    def __call__(self, nu: Tensor) -> Tensor: ...
    def jacobian(self, nu: Tensor) -> Tensor: ...


@dataclass
class Solution:
    """How a solver ended: ν [P], distance ‖S(ν) − target‖₂, whether it converged, a sentence of advice,
    the best distance so far against the number of evaluations of S, and where each start ended, (ν, distance), nearest first."""

    nu: Tensor
    distance: float
    converged: bool
    advice: str
    history: list[tuple[int, float]] = field(default_factory=list)
    ends: list[tuple[Tensor, float]] = field(default_factory=list)


STOPPED = "Not converged when it was stopped: give a larger budget, or more evaluations (in match, --budget and --evaluations)."
"""Advice of a solver that `stop()` has ended."""


class Solver(ABC):
    """A solver, built as `Solver(options)` with an instance of its `Options` dataclass."""

    Options: ClassVar[type]
    needs_gradient: ClassVar[bool] = False
    """Whether `solve` differentiates through S(ν) in reverse mode; a Jacobian may come from finite differences."""

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def solve(self, forward: Forward, target: Tensor, nu0: Tensor, stop: Callable[[], bool] = lambda: False) -> Solution:
        """Minimise ½‖S(ν) − target‖² over ν ∈ [−1, 1]^P from the starts nu0 [K, P]; target is [D].

        `stop()` turns true when the user's time is over. Not converging is a `Solution`, never an exception.
        """


def solved(solver: Solver, forward: Forward, target: Tensor, nu0: Tensor, stop: Callable[[], bool]) -> Solution:
    """What the solver finds. Raises InvsoundError naming it where it raises, or returns no Solution of finite ν [P]."""
    found = answer(solver, solver.solve, forward, target, nu0, stop)
    if not isinstance(found, Solution):
        raise InvsoundError(f"{named(solver)} returned {type(found).__name__}, no invsound.Solution.")
    if found.nu.shape != nu0.shape[1:] or not found.nu.isfinite().all():
        raise InvsoundError(f"{named(solver)} returned ν of {list(found.nu.shape)}, not {nu0.shape[1]} finite numbers.")
    return found
