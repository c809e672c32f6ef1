"""The survey of a space with choices and steps: what differs by an option has no derivative, and is tried."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..jacobian import moved
from ..solver import Forward
from .search import Free, spread

SIZE = 64  # of the population
BROOD = 16  # sounds made at a time
PATIENCE = 12  # broods without getting a hundredth nearer


class Evolution:
    """Points u [n, F], the nearest so far, and what is bred from them: the interface of `Survey`, without a model.

    A child takes each parameter from one of two parents; its numbers move along the difference of two others (differential evolution:
    Storn & Price, Journal of Global Optimization 11, 1997), or by a normal step whose size is log-uniform; its steps and options
    are drawn anew now and then. Children enter if they are nearer than the farthest. Where nothing gets nearer, the next call begins
    from the best and strangers. Options and numbers are searched together, and a whole brood is rendered at once.
    """

    def __init__(self, forward: Forward, target: Tensor, seed: int, free: Free) -> None:
        self.forward, self.target, self.free = forward, target, free
        self.u, self.distances = target.new_empty(0, len(free.numbers), dtype=torch.float64), target.new_empty(0, dtype=torch.float64)
        self.generator, self.still = torch.Generator().manual_seed(seed), False

    def add(self, u: Tensor, residuals: Tensor) -> None:
        """Take points in; the nearest are kept, each once."""
        u = torch.cat([self.u, self.free.parts.snapped(u.double())])
        distances = torch.cat([self.distances, residuals.double().norm(dim=1)])
        order = distances.argsort(stable=True)
        nearest: dict[int, int] = {}
        for k, point in enumerate(u[order].unique(dim=0, return_inverse=True)[1].tolist()):
            nearest.setdefault(point, k)
        kept = order[list(nearest.values())[:SIZE]]
        self.u, self.distances = u[kept], distances[kept]

    def nearest(self, count: int, apart: float = 0.0) -> Tensor:
        """u of the `count` nearest points [≤ count, F], no two closer than `apart` in every coordinate."""
        return self.u[spread(self.u, apart, count)]

    @torch.no_grad()
    def explore(self, regions: int, stop: Callable[[], bool]) -> None:
        """Breed until nothing gets nearer or `stop()`; first every neighbour of the nearest that differs by one option or step."""
        if self.still:
            self.u, self.distances = self.u[:regions], self.distances[:regions]
            self._see(self._strangers(SIZE), stop)
        self._see(self._neighbours(self.u[0]), stop)
        patience = PATIENCE
        while patience and not stop():
            before = float(self.distances[0])
            self._see(self._children(), stop)
            patience = PATIENCE if float(self.distances[0]) < 0.99 * before else patience - 1
        self.still = not patience

    def model(self, u: Tensor) -> None:
        """There is none."""

    def _see(self, u: Tensor, stop: Callable[[], bool]) -> None:
        known = (self.free.parts.snapped(u)[:, None] == self.u).all(2).any(1)
        for rows in u[~known].split(BROOD):
            if stop() or not len(rows):
                return
            self.add(rows, self.forward(rows.to(self.target)) - self.target)

    def _strangers(self, count: int) -> Tensor:
        return self.free.parts.at(self._uniform(count, len(self.free.parts)))

    def _neighbours(self, u: Tensor) -> Tensor:
        """Every option that u [F] does not have, and a step up and down."""
        space = self.free.parts
        return torch.cat([row for index in space.discrete for row in moved(space, index, u[None], 0)])

    def _children(self) -> Tensor:
        space, n, P = self.free.parts, len(self.u), len(self.free.parts)
        ranks = (n * self._uniform(4, BROOD) ** torch.tensor([[2.0], [1.0], [1.0], [1.0]]).to(self.u)).long()
        mother, father, one, other = self.u[ranks]
        child = torch.where(space.columns(self._uniform(BROOD, P) < 0.25), father, mother)
        moving = self.free.numbers & space.columns(self._uniform(BROOD, P) < max(0.4, 1 / P))
        size = 10 ** (-3 + 2.7 * self._uniform(BROOD, 1))
        noise = size * torch.randn(child.shape, generator=self.generator, dtype=torch.float64).to(child)
        along = self._uniform(BROOD, 1) * (one - other)
        child = (child + moving * torch.where(self._uniform(BROOD, 1) < 0.5, along, noise)).clamp(-1, 1)
        discrete = torch.tensor([bool(p.count) for p in space], device=child.device)
        anew = space.columns((self._uniform(BROOD, P) < 1 / (2 * P)) & discrete)
        return torch.where(anew, self._strangers(BROOD), child)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, dtype=torch.float64).to(self.u)
