"""The parameter loss."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..loss import Loss


@dataclass
class PLossOptions:
    """P-loss has no options."""


class PLoss(Loss):
    """½‖ν̂ − ν‖²: the quadratic form of the identity metric; needs nothing prepared."""

    Options = PLossOptions

    def forward(self, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
        return 0.5 * (nu_hat - nu).square().sum(1)
