"""Gradient descent for a single sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..hooks.bounds import check_bounds, option
from ..solver import STOPPED, Forward, Solution, Solver


@dataclass
class DescentOptions:
    """Adam on ν.

    steps: gradient steps
    lr: learning rate, in ν, decayed to zero along a half cosine
    tolerance: converged when no start moved by more than this in a step, in ν
    """

    steps: int = option(300, low=1, high=10**7)
    lr: float = option(0.02, above=0, high=2)
    tolerance: float = option(1e-6, above=0, high=2)

    def __post_init__(self) -> None:
        check_bounds(self)


class Descent(Solver):
    """Adam on ½‖S(ν) − target‖², all starts as one batch, ν projected onto [−1, 1] after each step."""

    Options = DescentOptions
    needs_gradient = True

    def solve(self, forward: Forward, target: Tensor, nu0: Tensor, stop: Callable[[], bool] = lambda: False) -> Solution:
        nu = nu0.detach().clamp(-1, 1).clone().requires_grad_(True)
        optimizer = torch.optim.Adam([nu], lr=self.options.lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.options.steps)
        best, best_nu, evaluations, converged = torch.inf, nu[0].detach().clone(), 0, False
        history: list[tuple[int, float]] = []
        for _ in range(self.options.steps):
            optimizer.zero_grad()
            squares = (forward(nu) - target).square().sum(1)
            evaluations += len(nu)
            lowest, index = squares.detach().min(0)
            if float(lowest) < best:
                best, best_nu = float(lowest), nu[index].detach().clone()
            history.append((evaluations, best**0.5))
            if stop():
                break
            torch.autograd.backward(0.5 * squares.sum())
            before = nu.detach().clone()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                converged = float((nu.clamp_(-1, 1) - before).abs().max()) < self.options.tolerance
            if converged:
                break
        spent = f"Not converged in {self.options.steps} steps: raise solver.steps, or take another solver, such as lm."
        advice = "Converged." if converged else spent if len(history) == self.options.steps else STOPPED
        return Solution(best_nu, best**0.5, converged, advice, history)
