"""The parameter loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import UsageError, did_you_mean
from ..hooks.bounds import check_bounds, option
from ..loss import Loss

if TYPE_CHECKING:
    from ..problem import Problem


@dataclass
class PLossOptions:
    """P-loss.

    shape: what a number costs that is off by e: square (½e²) or absolute (|e|)
    weights: how much parameters count, by name, where all others are 1
    choices: what an option that is missed costs: square (½‖ν̂ − ν‖² whatever the shape) or cross_entropy
    """

    shape: str = option("square", choices=("square", "absolute"))
    weights: dict[str, float] = field(default_factory=dict)
    choices: str = option("square", choices=("square", "cross_entropy"))

    def __post_init__(self) -> None:
        check_bounds(self)
        if wrong := {name: weight for name, weight in self.weights.items() if weight < 0}:
            raise ValueError(f"option weights takes numbers, 0 or more, got {wrong}")


class PLoss(Loss):
    """Σ w (ν̂ − ν)² / 2 over the coordinates: the quadratic form of the identity metric, where w is 1; needs nothing prepared.

    With shape=absolute numbers cost w |ν̂ − ν|. Weights are taken relative to their mean over the parameters. Where they are the slopes
    of a representation, the shape decides what is learned first: square, what is far off; absolute, what is heard most.

    Of a choice the square is twice the Brier score of the probabilities (ν̂ + 1)/2 (Brier, Monthly Weather Review 78, 1950), or with
    choices=cross_entropy the cost is the negative logarithm of the one that is given to the true option, −log p.
    """

    Options = PLossOptions
    weights: Tensor

    def __init__(self, problem: Problem, options: PLossOptions) -> None:
        super().__init__(problem, options)
        self.register_buffer("weights", self._weights() if options.weights else torch.ones(1), persistent=False)

    def _weights(self) -> Tensor:
        """w [W]. Raises UsageError where they name what there is not, or nothing counts."""
        space, given = self.problem.space, self.options.weights
        if unknown := [name for name in given if name not in space.names]:
            near = did_you_mean(unknown[0], space.names)
            raise UsageError(f"loss.weights: there is no parameter {unknown[0]!r}.{near} Parameters: {', '.join(space.names)}.")
        weights = torch.tensor([given.get(name, 1.0) for name in space.names])
        if not weights.any():
            raise UsageError("loss.weights: all are 0, and nothing would be learned. Give one parameter more.")
        return (weights / weights.mean()).repeat_interleave(torch.tensor([p.width for p in space]))

    def forward(self, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
        e = nu_hat - nu
        cost = 0.5 * e.square() * self.weights
        if self.options.shape == "absolute":
            cost = torch.where(self._numbers(e), e.abs() * self.weights, cost)
        if self.options.choices == "square":
            return cost.sum(1)
        space, w, total = self.problem.space, self.weights.expand(e.shape[1]), (cost * self._numbers(e)).sum(1)
        for index in space.choices:
            block = space.slices[index]
            odds = ((nu_hat[:, block] + 1) / 2).clamp(torch.finfo(nu_hat.dtype).eps)
            true = odds.gather(1, nu[:, block].argmax(1, keepdim=True))[:, 0]
            total = total + w[block.start] * (odds.sum(1).log() - true.log())
        return total

    def _numbers(self, like: Tensor) -> Tensor:
        """Which coordinates [W] are not of a choice."""
        return self.problem.space.columns([not p.options for p in self.problem.space], like.device)
