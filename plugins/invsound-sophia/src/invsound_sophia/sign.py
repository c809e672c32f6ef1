"""Sign momentum."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from invsound import check_bounds, option


@dataclass
class SignMomentumOptions:
    """Sign momentum.

    lr: learning rate: the size of every entry of every step
    beta: decay of the mean of gradients
    weight_decay: decay per step, times lr
    """

    lr: float = option(1e-3, above=0, high=1e30)
    beta: float = option(0.9, low=0, below=1)
    weight_decay: float = option(0.0, low=0, high=1000)

    def __post_init__(self) -> None:
        check_bounds(self)


class SignMomentum(torch.optim.Optimizer):
    """w ← w − lr · sign(m), m ← βm + (1 − β)g: Signum (Bernstein, Wang, Azizzadenesheli & Anandkumar, signSGD, ICML 2018)."""

    Options = SignMomentumOptions

    def __init__(self, params: Iterable[nn.Parameter], options: SignMomentumOptions) -> None:
        self.options = options
        super().__init__(params, {"lr": options.lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("mean", torch.zeros_like(p))
                m.mul_(self.options.beta).add_(p.grad, alpha=1 - self.options.beta)
                p.mul_(1 - group["lr"] * self.options.weight_decay).sub_(m.sign(), alpha=group["lr"])
        return loss
