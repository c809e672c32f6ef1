"""The spectral loss that differentiates through synthesizer and representation at every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from invsound import Loss, Problem, check_bounds, option, until

NONE = 1e-12  # a squared distance: that of nothing has no root with a slope


@dataclass
class DDSPLossOptions:
    """DDSP.

    shape: what a distance d costs: square (½d²) or absolute (d), by which sounds that are out of reach weigh no more than others
    cache: keep S(ν) of every training sound up to this many numbers each; larger ones are computed anew at every step
    chunk: sounds that go through synthesizer and representation together
    """

    shape: str = option("square", choices=("square", "absolute"))
    cache: int = option(65_536, low=0, high=2**31)
    chunk: int = option(8, low=1, high=65_536)

    def __post_init__(self) -> None:
        check_bounds(self)


class DDSPLoss(Loss):
    """½‖Φ(g(ν̂)) − Φ(g(ν))‖² [B], the perceptual loss itself (Engel et al., ICLR 2020, with any Φ), or with shape=absolute its ‖·‖.

    Its gradient Jᵀ(Φ(g(ν̂)) − Φ(g(ν))) is taken as the loss is, one chunk after another, so that memory grows with `chunk` and not with
    the batch. It can be differentiated once.
    """

    Options = DDSPLossOptions
    prepare_options = ("cache",)
    needs_gradient = True

    def prepare(self, nu: Tensor) -> Tensor:
        """S(ν) and the number of samples that it was made of [B, D + 1] if D ≤ cache, else zero columns."""
        if self._target(nu[:1]).shape[1] > self.options.cache:
            return nu.new_empty(len(nu), 0)
        return _with_end(self._target(nu), torch.full((len(nu),), self.problem.synth.signal.num_samples))

    @torch.no_grad()
    def prepare_recorded(self, x: Tensor, end: Tensor) -> Tensor:
        """Φ(x) and `end` [B, D + 1], however many numbers that are: nothing else is there to be compared with."""
        return _with_end(torch.cat([self.problem.feature(rows) for rows in x.split(self.options.chunk)]), end)

    @torch.no_grad()
    def _target(self, nu: Tensor) -> Tensor:
        return torch.cat([self.problem(rows) for rows in nu.split(self.options.chunk)])

    def forward(self, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
        S, end = (side[:, :-1], side[:, -1]) if side.shape[1] else (self._target(nu), nu.new_full((len(nu),), torch.inf))
        chunks = zip(*(rows.split(self.options.chunk) for rows in (nu_hat, S, end)), strict=True)
        cost: Callable[..., Tensor] = _Cost.apply if nu_hat.requires_grad and torch.is_grad_enabled() else _cost
        return torch.cat([cost(self._heard(end), self.options.shape, rows, target) for rows, target, end in chunks])

    def _heard(self, end: Tensor) -> Problem:
        """The problem whose sounds are heard until the samples `end` [B]."""
        whole, signal = self.problem, self.problem.synth.signal
        if bool((end >= signal.num_samples).all()):
            return whole
        window = torch.stack([until(at, signal.num_samples, signal.sample_rate) for at in end.tolist()]).to(end)
        return whole.within(window)


def _with_end(S: Tensor, end: Tensor) -> Tensor:
    return torch.cat([S, end[:, None].to(S)], 1)


def _cost(problem: Problem, shape: str, nu: Tensor, target: Tensor) -> Tensor:
    square = (problem(nu) - target).square().sum(1)
    return 0.5 * square if shape == "square" else (square + NONE).sqrt() - NONE**0.5


class _Cost(torch.autograd.Function):
    """`_cost`, which keeps its gradient [B, P] and lets go of what led to it."""

    @staticmethod
    def forward(ctx: Any, problem: Problem, shape: str, nu: Tensor, target: Tensor) -> Tensor:
        with torch.enable_grad():
            here = nu.detach().requires_grad_()
            cost = _cost(problem, shape, here, target)
            (gradient,) = torch.autograd.grad(cost.sum(), here)
        ctx.save_for_backward(gradient)
        return cost.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, weight: Tensor) -> tuple[None, None, Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return None, None, weight[:, None] * gradient, None
