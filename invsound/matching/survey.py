"""The survey: from candidates to the basins worth a solver's time, by models, or where there is no derivative by breeding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..jacobian import moved
from ..solver import Forward
from .search import Free, spread

RADIUS = 0.3  # of the first trust regions, in ν
SMALLEST = 1e-3  # a region below this is surveyed
MEMORY = 2**28  # bytes of residuals that are kept
SIZE = 64  # of a population
BROOD = 16  # sounds made at a time
PATIENCE = 12  # broods without getting a hundredth nearer


class Survey:
    """Points u [n, F] with their residuals S(u) − target, and regression models around the nearest of them.

    A region is a point and a trust radius Δ. Its linear model is fitted to the residuals of the nearest 3F points, whatever they were
    computed for, by least squares with Gaussian weights of width Δ; the Gauss–Newton step of the model within Δ, every other time with
    some noise, is the next point. So every sound informs every later step, and structure finer than Δ is averaged out: where Φ∘g
    is rough, its derivative points nowhere. (Derivative-free Gauss–Newton by regression: Cartis, Fiala, Marteau & Roberts, "Improving the
    flexibility and robustness of model-based derivative-free optimization solvers", ACM TOMS 45(3), 2019.) Regions take turns, or are
    tried `together`, where sounds are made side by side.
    """

    def __init__(self, forward: Forward, target: Tensor, seed: int, together: bool = False) -> None:
        self.forward, self.target, self.together = forward, target, together
        self.u, self.distances = target.new_empty(0, 0, dtype=torch.float64), target.new_empty(0, dtype=torch.float64)
        self.residuals: list[Tensor] = []
        self.generator = torch.Generator().manual_seed(seed)

    def add(self, u: Tensor, residuals: Tensor) -> None:
        """Take points in; past the memory, the nearest are kept."""
        self._append(u, residuals)
        keep = self.distances.argsort()[: max(4 * u.shape[1], MEMORY // (4 * len(self.target)))]
        self.u, self.distances, self.residuals = self.u[keep], self.distances[keep], [self.residuals[k] for k in keep.tolist()]

    def _append(self, u: Tensor, residuals: Tensor) -> None:
        self.u = torch.cat([self.u.reshape(-1, u.shape[1]), u.double()])
        self.residuals += [row.clone() for row in residuals.to(self.target)]
        self.distances = torch.cat([self.distances, residuals.double().norm(dim=1)])

    def nearest(self, count: int, apart: float = 0.0) -> Tensor:
        """u of the `count` nearest points [≤ count, F], no two closer than `apart` in every coordinate."""
        u = self.u[self.distances.argsort()]
        return u[spread(u, apart, count)]

    @torch.no_grad()
    def explore(self, regions: int, stop: Callable[[], bool]) -> None:
        """Follow the models from the nearest points until their regions are small or `stop()`; in turns, the nearest has every other."""
        centres = [int((self.u - u).abs().sum(1).argmin()) for u in self.nearest(regions, apart=RADIUS / 3)]
        radii, turn = [RADIUS] * len(centres), 0
        while (alive := [k for k, radius in enumerate(radii) if radius > SMALLEST]) and not stop():
            nearest = min(alive, key=lambda k: self.distances[centres[k]])
            chosen = alive if self.together else [alive[turn // 2 % len(alive)] if turn % 2 else nearest]
            tried = self._try([centres[k] for k in chosen], [radii[k] for k in chosen], noisy=bool(turn // 2 % 2))
            for k, (centre, radius) in zip(chosen, tried, strict=True):
                centres[k], radii[k] = centre, radius
            turn += 1

    def _try(self, centres: list[int], radii: list[float], noisy: bool) -> list[tuple[int, float]]:
        """Evaluate the next points of some regions; their centres and radii after that."""
        first, u = len(self.u), torch.stack([self._next(c, r, noisy) for c, r in zip(centres, radii, strict=True)]).clamp(-1, 1)
        self._append(u, self.forward(u.to(self.target)) - self.target)
        better = [bool(self.distances[first + k] < self.distances[centre]) for k, centre in enumerate(centres)]
        return [(first + k, min(1.3 * radius, 0.5)) if better[k] else (centres[k], 0.85 * radius) for k, radius in enumerate(radii)]

    def _next(self, centre: int, radius: float, noisy: bool) -> Tensor:
        u = self.u[centre] + self._step(centre, radius)
        if noisy:
            u = u + 0.3 * radius * torch.randn(len(u), generator=self.generator, dtype=u.dtype).to(u) / len(u) ** 0.5
        return u

    def _step(self, centre: int, radius: float) -> Tensor:
        """argmin ‖r + Jδ‖ within ‖δ‖ ≤ Δ."""
        return _trusted(self._model(centre, radius), self.residuals[centre].double(), radius)

    def model(self, u: Tensor) -> Tensor:
        """J [D, F] around the point nearest to u [F], over as wide a region as its neighbours span."""
        return self._model(int((self.u - u.double()).abs().sum(1).argmin()), SMALLEST)

    def _model(self, centre: int, radius: float) -> Tensor:
        """J [D, F] fitted around a centre; zero without neighbours."""
        offsets = self.u - self.u[centre]
        away = offsets.norm(dim=1)
        near = away.argsort()[: 3 * self.u.shape[1] + 1]
        near = near[away[near] > 1e-9]
        width = max(radius, float(away[near].median())) if len(near) else 1.0
        weights = torch.exp(-0.5 * (away[near] / width) ** 2)[:, None]
        residuals = torch.stack([self.residuals[k] for k in near.tolist()]) if len(near) else self.target.new_empty(0, len(self.target))
        X, Y = weights * offsets[near], weights * (residuals - self.residuals[centre]).double()
        ridge = (1e-6 * X.square().sum() + 1e-30) * torch.eye(X.shape[1], dtype=X.dtype, device=X.device)
        J: Tensor = torch.linalg.solve(X.mT @ X + ridge, X.mT @ Y).mT
        return J


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


def _trusted(J: Tensor, r: Tensor, radius: float) -> Tensor:
    """The damped Gauss–Newton step that is just within the radius."""
    U, s, Vh = torch.linalg.svd(J, full_matrices=False)
    along = s * (U.mT @ r)
    damping = 1e-9 * float(s[0]) ** 2 or 1.0
    while float((step := -along / (s**2 + damping)).norm()) > radius:
        damping *= 2
    delta: Tensor = Vh.mT @ step
    return delta
