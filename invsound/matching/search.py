"""What a solver sees of a problem: some coordinates free, the others held, every evaluation counted and the best remembered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

import torch
from torch import Tensor

from ..hooks.registry import named
from ..problem import Problem, finite
from ..space import Space

Ends = list[tuple[Tensor, float]]
"""Points u [F], and their distances."""


class Free:
    """Some of the parameters; their coordinates are u [F], those of ν [W] that the mask has."""

    def __init__(self, space: Space, names: list[str], device: str = "cpu") -> None:
        self.mask = space.columns([name in names for name in space.names], device)
        """Which coordinates [W] are free."""
        self.parts = Space(*(p for p in space if p.name in names), normalize=space.normalize)
        """A space of the free parameters alone, whose ν are u."""

    @property
    def names(self) -> tuple[str, ...]:
        """The free parameters."""
        return self.parts.names

    @cached_property
    def numbers(self) -> Tensor:
        """Which coordinates [F] are numbers, and not options."""
        return self.parts.columns([not p.options for p in self.parts], self.mask.device)

    @property
    def share(self) -> float:
        """Of the time that is left, what a solver gets at once: all, or half where some parameters are tried, less where most are."""
        discrete = len(self.parts.discrete)
        return 0.5 * (1 - discrete / len(self.parts)) if discrete else 1.0

    def each(self, u: Tensor, choice: float = 0) -> Tensor:
        """[F] → [n]: a value for each free parameter; that of a number is its coordinate's."""
        blocks = zip(self.parts, self.parts.slices, strict=True)
        return torch.stack([torch.full_like(u[0], choice) if p.options else u[block.start] for p, block in blocks])

    def at_bound(self, u: Tensor) -> Tensor:
        """Which parameters [n] are at an end of their range, to rounding."""
        return self.each(u).abs() >= 1 - 1e-5

    def chosen(self, which: Tensor) -> list[str]:
        """The names of some [n]."""
        return [name for name, yes in zip(self.names, which.tolist(), strict=True) if yes]

    def rivals(self, J: Tensor, residual: Tensor) -> Tensor:
        """How far the target is from the nearest sound [n] that differs in one option alone, infinite for a number.

        J [D, F] has the secants of the options, and `residual` [D] is what remains at ν.
        """
        found = torch.full((len(self.parts),), torch.inf, dtype=torch.float64)
        for k, (p, block) in enumerate(zip(self.parts, self.parts.slices, strict=True)):
            if p.options:
                away = (residual.double()[:, None] + 2 * J[:, block].double()).norm(dim=0)
                own = J[:, block].any(0).logical_not().double().argmax()  # the column of zeros
                away[own] = torch.inf
                found[k] = away.min().cpu()
        return found


class Search:
    """S as a function of the free coordinates u [B, F] of ν, the others held at `nu` [W]. A `Forward`, for solvers.

    Its Jacobian is that of numbers: along options it is zero, so that what follows it holds them. `evaluations` counts sounds (a Jacobian
    counts one for each number, two where it is measured by differences), `history` has the best distance to `target` after each
    improvement; `watch` is called with every one, and once `heard` says so, the time is over.
    """

    def __init__(self, problem: Problem, free: Tensor, nu: Tensor, target: Tensor, budget: float | None, limit: int | None) -> None:
        self.problem, self.free, self.nu = problem, free, nu
        self.limit, self.evaluations, self.begin = limit, 0, time.monotonic()
        self.watch: Callable[[], None] = lambda: None
        self.heard: Callable[[], object] = lambda: False
        self.stopped = False
        self.end = self.begin + budget if budget is not None else float("inf")
        self.history: list[tuple[int, float]] = []
        self.aim(target)

    def aim(self, target: Tensor) -> None:
        """Take another target [D]: what was nearest to the last one is forgotten."""
        self.target, self.best, self.distance = target, self.nu[self.free], float("inf")

    def __call__(self, nu: Tensor) -> Tensor:
        problem, whole = self.problem, self.full(nu)
        S = finite(problem(whole), f"{named(problem.feature)} of {named(problem.synth)}", problem.space, whole)
        self.evaluations += len(nu)
        self.see(nu, S.detach() - self.target)
        self.tell()
        return S

    def tell(self) -> None:
        """Let whoever watches know, and ask whether to go on."""
        self.watch()
        self.stopped = self.stopped or bool(self.heard())

    def see(self, u: Tensor, residuals: Tensor) -> None:
        """Remember the nearest of some points [B, F] by their residuals [B, D]."""
        distance, k = residuals.double().norm(dim=1).min(0)
        if float(distance) < self.distance:
            self.best, self.distance = u[k].detach().clone(), float(distance)
            self.history.append((self.evaluations, self.distance))

    def jacobian(self, nu: Tensor) -> Tensor:
        space = self.problem.space
        numbers = space.columns([not p.options for p in space], nu.device) & self.free
        self.evaluations += len(nu) * int(numbers.sum()) * (1 if self.problem.forward_mode else 2)
        self.tell()
        return self.problem.jacobian(self.full(nu), options=False)[..., self.free]

    def full(self, u: Tensor) -> Tensor:
        """ν [B, W] from its free coordinates."""
        return full(u, self.nu, self.free)

    @contextmanager
    def within(self, share: float) -> Iterator[None]:
        """Inside the block this share of the time that is left is all there is."""
        before, now = self.end, time.monotonic()
        self.end = now + share * (self.end - now)
        try:
            yield
        finally:
            self.end = before

    def spent(self, share: float = 1.0, near: float = 0.0) -> Callable[[], bool]:
        """Turns true when this share of the time and evaluations left now is used up, or something nearer than `near` is found."""
        now = time.monotonic()
        end = now + share * (self.end - now)
        limit = self.evaluations + share * (self.limit - self.evaluations) if self.limit is not None else float("inf")
        return lambda: self.stopped or time.monotonic() >= end or self.evaluations >= limit or self.distance < near


def full(u: Tensor, held: Tensor, free: Tensor) -> Tensor:
    """ν [B, W] with the free coordinates u [B, F], the others as in `held` [W]."""
    nu = held.to(u).expand(len(u), -1).clone()
    nu[:, free] = u
    return nu


def distinct(ends: Ends, apart: float = 0.05) -> Ends:
    """Ends that differ by more than `apart` in some coordinate, nearest first."""
    return [ends[k] for k in spread([u for u, _ in ends], apart)]


def spread(points: Sequence[Tensor] | Tensor, apart: float, count: int | None = None) -> list[int]:
    """Which of some points [F], in their order and at most `count`, are more than `apart` in some coordinate from those before."""
    chosen: list[int] = []
    for k, u in enumerate(points):
        if len(chosen) == count:
            break
        if all(float((u - points[j]).abs().max()) > apart for j in chosen):
            chosen.append(k)
    return chosen
