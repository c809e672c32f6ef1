"""Laws of optimizers, on the convex quadratic ½ Σ aᵢ (wᵢ − cᵢ)²."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..training import checkpoint
from .law import hold, law
from .subject import Subject

A = torch.tensor([1.0, 0.5, 0.2, 0.1], dtype=torch.float64)
C = torch.tensor([0.2, -0.2, 0.1, -0.3], dtype=torch.float64)


class Quadratic:
    """Weights in two tensors, the second of which can be frozen, and the closure of a training step."""

    def __init__(self, subject: Subject) -> None:
        self.weights: list[Tensor] = [nn.Parameter(torch.zeros(2, dtype=torch.float64)) for _ in range(2)]
        self.optimizer: Any = subject.build(params=self.weights)
        self.calls = 0

    def value(self) -> Tensor:
        w = torch.cat(self.weights)
        return 0.5 * (A * (w - C).square()).sum()

    def closure(self) -> float:
        self.calls += 1
        self.optimizer.zero_grad(set_to_none=True)
        value = self.value()
        torch.autograd.backward(value)
        return float(value.detach())

    def run(self, steps: int) -> list[float]:
        return [float(self.optimizer.step(self.closure)) for _ in range(steps)]

    def position(self) -> Tensor:
        return torch.cat(self.weights).detach().clone()


@law("optimizer", mend="begin step with: with torch.enable_grad(): loss = closure(); and end with: return loss.")
def step_calls_its_closure(subject: Subject) -> None:
    """step(closure) evaluates the closure, and returns the loss it gave."""
    quadratic = Quadratic(subject)
    before = float(quadratic.value().detach())
    returned = quadratic.optimizer.step(quadratic.closure)
    hold(quadratic.calls > 0, "On a quadratic, step did not call the closure")
    hold(returned is not None and float(returned) == before, f"On a quadratic, step returned {returned!r}, the loss was {before!r}")


@law("optimizer", mend="check the sign of the step, and the default learning rate: steps should be below 2 over the curvature.")
def descends_a_convex_quadratic(subject: Subject) -> None:
    """100 steps at the default options lower a convex quadratic, and stay finite."""
    quadratic = Quadratic(subject)
    values = quadratic.run(100)
    hold(all(value == value for value in values), "On ½ Σ a (w − c)² the loss became NaN")
    hold(values[-1] < 0.999 * values[0], f"On ½ Σ a (w − c)² the loss went from {values[0]:.4g} to {values[-1]:.4g}")


@law("optimizer", mend="keep what step remembers in self.state[p] and self.param_groups, as tensors and plain numbers.")
def state_survives_a_checkpoint(subject: Subject) -> None:
    """state_dict goes through a checkpoint file, and an optimizer made anew continues identically."""
    one, other = Quadratic(subject), Quadratic(subject)
    one.run(5)
    with torch.no_grad():
        for mine, theirs in zip(other.weights, one.weights, strict=True):
            mine.copy_(theirs)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(Path(folder) / "state.safetensors", one.optimizer.state_dict())
        loaded = checkpoint.load(Path(folder) / "state.safetensors")
    hold(loaded is not None, "The state could not be read back")
    other.optimizer.load_state_dict(loaded)
    one.run(5)
    other.run(5)
    worst = float((one.position() - other.position()).abs().max())
    hold(worst == 0, f"After 5 steps, a reload and 5 steps, weights differ by {worst:.1e}")


@law("optimizer", mend="read group['lr'] at every step, and keep no copy of it.")
def learning_rate_is_obeyed(subject: Subject) -> None:
    """param_groups hold 'lr', which schedules change: at 0 nothing moves."""
    quadratic = Quadratic(subject)
    quadratic.run(3)
    groups = quadratic.optimizer.param_groups
    hold(all("lr" in group for group in groups), f"The groups hold {', '.join(key for group in groups for key in group)}")
    for group in groups:
        group["lr"] = 0.0
    before = quadratic.position()
    quadratic.run(2)
    hold(torch.equal(before, quadratic.position()), "With lr = 0 the weights moved after 3 steps on a quadratic")


@law("optimizer", mend="begin the loop over parameters with: if p.grad is None: continue.")
def weights_without_gradient_stay(subject: Subject) -> None:
    """A parameter whose gradient is None, a frozen layer's, is left alone."""
    quadratic = Quadratic(subject)
    frozen = quadratic.weights[1].requires_grad_(False).fill_(1)
    quadratic.run(3)
    hold((frozen == 1).all(), f"A frozen parameter moved from [1.0, 1.0] to {frozen.tolist()}")


@law("optimizer", mend="draw nothing at random, or from a torch.Generator with a fixed seed, kept in the state.")
def optimizer_is_deterministic(subject: Subject) -> None:
    """Two instances take the same steps."""
    one, other = Quadratic(subject), Quadratic(subject)
    hold(one.run(5) == other.run(5), "On the same quadratic, two instances gave different losses within 5 steps")
