"""Covariance matrix adaptation for a single sound."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from invsound import Forward, Solution, Solver, check_bounds, option

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # without matplotlib cma says that it cannot plot
    import cma

CONVERGED = "Converged."
SPENT = "Not converged: allow more with solver.evaluations, or, where time was short, a larger budget (in match, --budget)."
FLAT = "The distance no longer changes while ν still does: the sound does not determine every parameter."
STUCK = "Stuck: sampling finds nothing better around the best point. Try more --candidates, or a larger solver.popsize or solver.sigma0."
REACHED = "Converged: the target is reached."


@dataclass
class CMAOptions:
    """CMA-ES.

    sigma0: standard deviation of the first population, in ν
    evaluations: evaluations of S at most, those of the starts included
    popsize: evaluations per generation in the first runs, ⌊4 + 3 log P⌋ by default
    tolerance: a run has converged when its steps are shorter than this, in ν; the search, at this fraction of the target's norm
    chunk: sounds computed at a time
    seed: seed of the populations
    """

    sigma0: float = option(0.3, above=0, high=1)
    evaluations: int = option(5000, low=1, high=10**9)
    popsize: int | None = option(None, low=3, high=100_000)
    tolerance: float = option(1e-6, above=0, high=2)
    chunk: int = option(8, low=1, high=65_536)
    seed: int = option(0, low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        check_bounds(self)


class CMAES(Solver):
    """CMA-ES (Hansen & Ostermeier 2001) on ‖S(ν) − target‖ with bounds by a smooth change of variables, without any derivative.

    One run from each start, the nearest first; then, while evaluations remain, from uniform points with populations that double
    each time (IPOP, Auger & Hansen 2005). The first run that reaches the target ends the search.
    """

    Options = CMAOptions

    def solve(self, forward: Forward, target: Tensor, nu0: Tensor, stop: Callable[[], bool] = lambda: False) -> Solution:
        generator = torch.Generator().manual_seed(self.options.seed)
        search = _Search(forward, target, self.options, stop)
        starts = nu0.detach().clamp(-1, 1)[: self.options.evaluations]
        starts = starts[search(starts).argsort(stable=True)]
        before, ending = torch.inf, SPENT
        for start, growth in _runs(starts, generator):
            ended = search.run(start, growth, generator)
            if search.distance < (1 - self.options.tolerance) * before:  # what only polishes a run leaves its verdict
                before, ending = search.distance, ended
            if ended in (REACHED, SPENT):
                break
        return Solution(search.nu, search.distance, ending in (CONVERGED, REACHED), ending, search.history)


def _runs(starts: Tensor, generator: torch.Generator) -> Iterator[tuple[Tensor, int]]:
    """Where each run starts, and the factor on its population."""
    for start in starts:
        yield start, 1
    growth = 2
    while True:
        yield (2 * torch.rand(starts.shape[1], generator=generator, dtype=torch.float64) - 1).to(starts), growth
        growth *= 2


class _Search:
    """ν → ‖S(ν) − target‖ [B], which counts the evaluations and remembers the best."""

    def __init__(self, forward: Forward, target: Tensor, options: CMAOptions, stop: Callable[[], bool]) -> None:
        self.forward, self.target, self.options, self.stop = forward, target, options, stop
        self.scale = float(target.double().norm()) or 1.0
        self.nu, self.distance, self.evaluations = torch.empty(0), torch.inf, 0
        self.history: list[tuple[int, float]] = []

    @torch.no_grad()
    def __call__(self, nu: Tensor) -> Tensor:
        distances = torch.cat([(self.forward(rows) - self.target).double().norm(dim=1) for rows in nu.split(self.options.chunk)])
        distances = distances.nan_to_num(nan=1e30, posinf=1e30)  # ranked last
        self.evaluations += len(nu)
        lowest, index = distances.min(0)
        if float(lowest) < self.distance:
            self.nu, self.distance = nu[index].clone(), float(lowest)
        self.history.append((self.evaluations, self.distance))
        return distances

    def run(self, start: Tensor, growth: int, generator: torch.Generator) -> str:
        """Evolve one distribution from `start`; says how it ended."""
        strategy = _Strategy(start, growth, self.options, generator)
        while self.distance > self.options.tolerance * self.scale:
            if self.stop() or self.evaluations + strategy.popsize > self.options.evaluations:
                return SPENT
            if reasons := strategy.step(lambda nu: self(nu.to(start)) / self.scale):
                return CONVERGED if "tolx" in reasons else FLAT if reasons & {"tolfun", "tolfunhist"} else STUCK
        return REACHED


@contextmanager
def _silence() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Strategy:
    """cma's evolution strategy, silent, drawing from `generator`, in [−1, 1]^P."""

    def __init__(self, start: Tensor, growth: int, options: CMAOptions, generator: torch.Generator) -> None:
        self.P = len(start)
        N = max(self.P, 2)  # cma adapts no covariance in one dimension: an idle second one
        mean = np.zeros(N)
        mean[: self.P] = start.double().cpu().numpy()
        self.popsize = growth * (options.popsize or int(4 + 3 * np.log(N)))

        def randn(*shape: int) -> np.ndarray:
            return torch.randn(shape, generator=generator, dtype=torch.float64).numpy()

        given = {"bounds": [-1, 1], "popsize": self.popsize, "tolx": options.tolerance, "randn": randn, "seed": np.nan}
        with _silence():
            self.cma = cma.CMAEvolutionStrategy(mean, options.sigma0, given | {"verbose": -10, "verb_log": 0})

    def step(self, distances: Callable[[Tensor], Tensor]) -> set[str]:
        """One generation; cma's reasons to stop after it."""
        with _silence():
            population = self.cma.ask()
        nu = torch.from_numpy(np.stack(population)[:, : self.P]).clamp(-1, 1)
        found = distances(nu).cpu().numpy()
        with _silence():
            self.cma.tell(population, found)
            return set(self.cma.stop())
