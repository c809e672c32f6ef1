"""The parameter loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..hooks.bounds import check_bounds, option
from ..loss import Loss


@dataclass
class PLossOptions:
    """P-loss.

    choices: what an option that is missed costs: square (½‖ν̂ − ν‖² as anywhere) or cross_entropy
    """

    choices: str = option("square", choices=("square", "cross_entropy"))

    def __post_init__(self) -> None:
        check_bounds(self)


class PLoss(Loss):
    """½‖ν̂ − ν‖²: the quadratic form of the identity metric; needs nothing prepared.

    Of a choice that is twice the Brier score of the probabilities (ν̂ + 1)/2 (Brier, Monthly Weather Review 78, 1950), or with
    choices=cross_entropy the negative logarithm of the one that is given to the true option, −log p.
    """

    Options = PLossOptions

    def forward(self, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
        if self.options.choices == "square":
            return 0.5 * (nu_hat - nu).square().sum(1)
        space = self.problem.space
        numbers = space.columns([not p.options for p in space], nu.device)
        total = 0.5 * ((nu_hat - nu).square() * numbers).sum(1)
        for index in space.choices:
            block = space.slices[index]
            odds = ((nu_hat[:, block] + 1) / 2).clamp(torch.finfo(nu_hat.dtype).eps)
            true = odds.gather(1, nu[:, block].argmax(1, keepdim=True))[:, 0]
            total = total + odds.sum(1).log() - true.log()
        return total
