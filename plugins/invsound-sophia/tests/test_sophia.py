"""Sophia divides by the curvature that it samples; without it, it is sign momentum."""
# ruff: noqa: RUF012  options are written as plugin authors write them

import pytest
import torch
from torch import nn

import invsound
from invsound.testing import OptimizerContract


class TestSophia(OptimizerContract):
    part = "sophia"


class TestImpatientSophia(OptimizerContract):
    part = "invsound-sophia:sophia"
    options = {"every": 1, "beta2": 0.5, "gamma": 1.0, "lr": 0.01}


class TestSignMomentum(OptimizerContract):
    part = "sign_momentum"


class Quadratic:
    """½ Σ a w², its gradient, and samples n ĝ² = a; counts what it is asked."""

    def __init__(self, a, start=1.0):
        self.a, self.w = torch.tensor(a), nn.Parameter(torch.full((len(a),), start))
        self.calls = self.samples = 0

    def __call__(self):
        self.calls += 1
        self.w.grad = self.a * self.w.detach()
        return float(0.5 * (self.a * self.w.detach().square()).sum())

    def sample(self):
        self.samples += 1
        self.w.grad = (self.a / 4).sqrt()
        return 4


def test_the_curvature_is_renewed_every_k_steps():
    closure = Quadratic([2.0, 0.5])
    sophia = invsound.make("optimizer", "sophia", params=[closure.w], every=3, beta2=0.75)
    for _ in range(7):
        sophia.step(closure)
    assert (closure.calls, closure.samples) == (7, 3)
    torch.testing.assert_close(sophia.state[closure.w]["curvature"], closure.a * (1 - 0.75**3))


def test_where_nothing_is_clipped_it_is_newtons_method_with_gamma():
    closure = Quadratic([1e4, 1.0, 1e-4], start=1e-6)
    sophia = invsound.make("optimizer", "sophia", params=[closure.w], every=1, beta1=0.0, beta2=0.0, gamma=0.5, lr=0.1)
    sophia.step(closure)
    torch.testing.assert_close(closure.w.detach(), torch.full((3,), 1e-6 * (1 - 0.1 / 0.5)))


def test_without_curvature_it_is_sign_momentum():
    one, other = (Quadratic([3.0, -0.2, 0.7]) for _ in range(2))
    one.sample = lambda: setattr(one.w, "grad", torch.zeros(3)) or 1
    sophia = invsound.make("optimizer", "sophia", params=[one.w], beta1=0.9)
    sign = invsound.make("optimizer", "sign_momentum", params=[other.w], beta=0.9)
    for _ in range(5):
        sophia.step(one)
        sign.step(other)
    torch.testing.assert_close(one.w, other.w)


def test_no_entry_of_a_step_is_larger_than_lr():
    closure = Quadratic([100.0, 0.0, 1e-9])
    for name in ("sophia", "sign_momentum"):
        optimizer = invsound.make("optimizer", name, params=[closure.w], lr=0.01)
        before = closure.w.detach().clone()
        optimizer.step(closure)
        assert ((closure.w.detach() - before).abs() <= 0.01 + 1e-6).all()


@pytest.mark.parametrize("wrong", [{"beta1": 1.0}, {"gamma": 0.0}, {"every": 0}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(invsound.UsageError, match=next(iter(wrong))):
        invsound.make("optimizer", "sophia", params=[nn.Parameter(torch.zeros(1))], **wrong)
