"""The parameter loss."""

from __future__ import annotations

from collections.abc import Iterable
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
    exchangeable: parameters of one range that may change places without being heard: asked for in ascending order
    """

    shape: str = option("square", choices=("square", "absolute"))
    weights: dict[str, float] = field(default_factory=dict)
    choices: str = option("square", choices=("square", "cross_entropy"))
    exchangeable: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_bounds(self)
        if wrong := {name: weight for name, weight in self.weights.items() if weight < 0}:
            raise ValueError(f"option weights takes numbers, 0 or more, got {wrong}")


class PLoss(Loss):
    """Σ w (ν̂ − ν)² / 2 over the coordinates: the quadratic form of the identity metric, where w is 1; needs nothing prepared.

    With shape=absolute numbers cost w |ν̂ − ν|. Weights are taken relative to their mean over the parameters. Where they are the slopes
    of a representation, the shape decides what is learned first: square, what is far off; absolute, what is heard most.

    Of `exchangeable` parameters ν is that in ascending order: an encoder that is asked for either order learns their mean, which is neither
    (Hayes, Saitis & Fazekas, Audio synthesizer inversion in symmetric parameter spaces, ISMIR 2025).

    Of a choice the square is twice the Brier score of the probabilities (ν̂ + 1)/2 (Brier, Monthly Weather Review 78, 1950), or with
    choices=cross_entropy the cost is the negative logarithm of the one that is given to the true option, −log p.
    """

    Options = PLossOptions
    weights: Tensor
    alike: Tensor

    def __init__(self, problem: Problem, options: PLossOptions) -> None:
        super().__init__(problem, options)
        self.register_buffer("weights", self._weights() if options.weights else torch.ones(1), persistent=False)
        self.register_buffer("alike", self._alike() if options.exchangeable else torch.arange(0), persistent=False)

    def _weights(self) -> Tensor:
        """w [W]. Raises UsageError where they name what there is not, or nothing counts."""
        space, given = self.problem.space, self.options.weights
        self._check("weights", given)
        weights = torch.tensor([given.get(name, 1.0) for name in space.names])
        if not weights.any():
            raise UsageError("loss.weights: all are 0, and nothing would be learned. Give one parameter more.")
        return (weights / weights.mean()).repeat_interleave(torch.tensor([p.width for p in space]))

    def _alike(self) -> Tensor:
        """Columns of ν. Raises UsageError where they are of no numbers, or of numbers of different ranges."""
        space, given = self.problem.space, self.options.exchangeable
        self._check("exchangeable", given)
        chosen = [p for p in space if p.name in given]
        if len(chosen) < 2 or len({(p.low, p.high, p.scale, p.options) for p in chosen}) > 1 or chosen[0].options:
            raise UsageError(f"loss.exchangeable: two or more numbers of one range and scale change places, got {', '.join(given)}.")
        return torch.tensor([space.slices[space.names.index(p.name)].start for p in chosen])

    def _check(self, option: str, given: Iterable[str]) -> None:
        """Raises UsageError where they name what there is not."""
        names = self.problem.space.names
        if unknown := [name for name in given if name not in names]:
            near = did_you_mean(unknown[0], names)
            raise UsageError(f"loss.{option}: there is no parameter {unknown[0]!r}.{near} Parameters: {', '.join(names)}.")

    def _ascending(self, nu: Tensor) -> Tensor:
        """ν [B, W] of the same sounds."""
        return nu.index_copy(1, self.alike, nu[:, self.alike].sort(1).values) if len(self.alike) else nu

    def forward(self, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
        e = nu_hat - self._ascending(nu)
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
