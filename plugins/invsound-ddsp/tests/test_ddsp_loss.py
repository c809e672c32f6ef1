"""The spectral loss is the distance it says, with its gradient, and keeps no more of a batch than that."""

from __future__ import annotations

import weakref

import pytest
import torch
from torch import Tensor

import invsound
from invsound import Problem

B = 7


@pytest.fixture(scope="module")
def problem() -> Problem:
    synth = invsound.make("synth", "ftm", num_samples=1024, num_modes=3)
    feature = invsound.make("feature", "mss", signal=synth.signal, n_fft=[256, 64])
    return Problem(synth, feature)


class Kept:
    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


@pytest.mark.parametrize("options", [{}, {"cache": 0, "chunk": 2}, {"chunk": 1}])
def test_the_gradient_is_that_of_the_distance_and_all_that_is_kept(problem: Problem, options: dict[str, int]) -> None:
    nu, nu_hat = 2 * torch.rand(2, B, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    weight = torch.linspace(-1, 2, B, dtype=torch.float64)
    loss = invsound.make("loss", "ddsp", problem=problem, **options)
    side = loss.prepare(nu)
    expected = 0.5 * (problem(nu_hat.requires_grad_()) - problem(nu)).square().sum(1)
    (gradient,) = torch.autograd.grad((weight * expected).sum(), nu_hat)

    kept: weakref.WeakSet[Kept] = weakref.WeakSet()

    def keep(tensor: Tensor) -> Kept:
        kept.add(holder := Kept(tensor))
        return holder

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda holder: holder.tensor):
        distance = loss(nu_hat, nu, side)
    assert sum(holder.tensor.numel() for holder in kept) == B * 5
    torch.testing.assert_close(distance, expected)
    torch.testing.assert_close(torch.autograd.grad((weight * distance).sum(), nu_hat)[0], gradient)
    assert torch.equal(loss(nu_hat.detach(), nu, side), distance.detach())


def test_a_distance_may_cost_itself(problem: Problem) -> None:
    """shape=absolute is √(2 · square), with its gradient, and zero and flat at the truth."""
    nu = torch.rand(2, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
    square, absolute = (invsound.make("loss", "ddsp", problem=problem, shape=shape) for shape in ("square", "absolute"))
    side, away, at = square.prepare(nu), (nu + 0.05).requires_grad_(), nu.clone().requires_grad_()
    d = absolute(away, nu, side)
    torch.testing.assert_close(d, (2 * square(away, nu, side)).sqrt(), atol=1e-5, rtol=1e-5)
    (slope,), (steeper,) = (torch.autograd.grad(loss(away, nu, side).sum(), away) for loss in (absolute, square))
    torch.testing.assert_close(slope * d.detach()[:, None], steeper, atol=1e-6, rtol=1e-4)
    value = absolute(at, nu, side)
    assert float(value.detach().abs().max()) < 1e-9
    assert float(torch.autograd.grad(value.sum(), at)[0].abs().max()) < 1e-9
