"""Sophia-G."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from invsound import check_bounds, option


@dataclass
class SophiaOptions:
    """Sophia-G.

    lr: learning rate; no entry of a step is larger
    beta1: decay of the mean of gradients
    beta2: decay of the mean of curvature estimates
    gamma: fraction of the curvature that divides the mean gradient: more of it, and fewer entries are clipped
    every: steps between two estimates of curvature
    eps: least denominator
    weight_decay: decay per step, times lr
    """

    lr: float = option(1e-3, above=0, high=1e30)
    beta1: float = option(0.96, low=0, below=1)
    beta2: float = option(0.99, low=0, below=1)
    gamma: float = option(0.05, above=0, high=1e6)
    every: int = option(10, low=1, high=10**6)
    eps: float = option(1e-12, above=0, high=1)
    weight_decay: float = option(0.0, low=0, high=1000)

    def __post_init__(self) -> None:
        check_bounds(self)


class SophiaG(torch.optim.Optimizer):
    """w ← w − lr · clip(m / max(γh, ε), ±1), m the mean gradient, h the mean of n ĝ² every k steps.

    ĝ is the gradient for labels drawn from the encoder's own prediction, and n ĝ² an unbiased estimate of the diagonal of the
    Gauss–Newton matrix: `closure.sample()` leaves ĝ in the weights and returns n. A closure without `sample` is called once more, and
    g² stands in, which vanishes at the minimum. Source: Liu, Li, Hall, Liang & Ma, Sophia, ICLR 2024, algorithms 2 and 3.
    """

    Options = SophiaOptions

    def __init__(self, params: Iterable[nn.Parameter], options: SophiaOptions) -> None:
        self.options = options
        super().__init__(params, {"lr": options.lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        if closure is None:
            raise ValueError("Sophia-G evaluates its closure: call step(closure).")
        weights = [p for group in self.param_groups for p in group["params"] if p.requires_grad]
        if self._count(weights) % self.options.every == 0:
            self._update_curvature(weights, closure)
        with torch.enable_grad():
            loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._move(p, p.grad, group["lr"])
        return loss

    def _count(self, weights: list[Tensor]) -> int:
        """Steps taken so far."""
        return max((self.state[p].get("steps", 0) for p in weights), default=0)

    def _update_curvature(self, weights: list[Tensor], closure: Callable[[], float]) -> None:
        with torch.enable_grad():
            n = closure.sample() if hasattr(closure, "sample") else _once(closure)
        for p in weights:
            if p.grad is not None:
                h = self._state(p)["curvature"]
                h.mul_(self.options.beta2).addcmul_(p.grad, p.grad, value=n * (1 - self.options.beta2))

    def _state(self, p: Tensor) -> dict[str, Any]:
        if not self.state[p]:
            self.state[p] = {"steps": 0, "mean": torch.zeros_like(p), "curvature": torch.zeros_like(p)}
        return self.state[p]

    def _move(self, p: Tensor, gradient: Tensor, lr: float) -> None:
        state, o = self._state(p), self.options
        state["steps"] += 1
        m = state["mean"].mul_(o.beta1).add_(gradient, alpha=1 - o.beta1)
        p.mul_(1 - lr * o.weight_decay)
        p.sub_((m / (o.gamma * state["curvature"]).clamp_min(o.eps)).clamp_(-1, 1), alpha=lr)


def _once(closure: Callable[[], float]) -> int:
    closure()
    return 1
