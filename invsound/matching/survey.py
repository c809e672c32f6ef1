"""The survey: from candidates to the basins worth a solver's time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..solver import Forward
from .search import spread

RADIUS = 0.3  # of the first trust regions, in ν
SMALLEST = 1e-3  # a region below this is surveyed
MEMORY = 2**28  # bytes of residuals that are kept


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


def _trusted(J: Tensor, r: Tensor, radius: float) -> Tensor:
    """The damped Gauss–Newton step that is just within the radius."""
    U, s, Vh = torch.linalg.svd(J, full_matrices=False)
    along = s * (U.mT @ r)
    damping = 1e-9 * float(s[0]) ** 2 or 1.0
    while float((step := -along / (s**2 + damping)).norm()) > radius:
        damping *= 2
    delta: Tensor = Vh.mT @ step
    return delta
