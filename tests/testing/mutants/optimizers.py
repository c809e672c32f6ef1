"""Mutants: optimizers."""

import torch

from .common import Options, breaks


class GoodOptimizer(torch.optim.Optimizer):
    """Gradient descent with momentum."""

    Options = Options

    def __init__(self, params, options):
        super().__init__(params, {"lr": 0.1})

    @torch.no_grad()
    def step(self, closure):
        with torch.enable_grad():
            loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.move(p, group)
        return loss

    def move(self, p, group):
        velocity = self.state[p].setdefault("velocity", torch.zeros_like(p))
        p.sub_(group["lr"] * velocity.mul_(0.5).add_(p.grad))


@breaks("optimizer", "step calls its closure")
class Silent(GoodOptimizer):
    def step(self, closure):
        super().step(closure)


@breaks("optimizer", "descends a convex quadratic")
class Ascending(GoodOptimizer):
    def move(self, p, group):
        p.add_(group["lr"] * p.grad)


@breaks("optimizer", "state survives a checkpoint")
class Amnesic(GoodOptimizer):
    def move(self, p, group):
        self.velocity = {**getattr(self, "velocity", {}), id(p): 0.5 * getattr(self, "velocity", {}).get(id(p), 0) + p.grad}
        p.sub_(group["lr"] * self.velocity[id(p)])


@breaks("optimizer", "learning rate is obeyed")
class FixedRate(GoodOptimizer):
    def move(self, p, group):
        p.sub_(0.1 * p.grad)


@breaks("optimizer", "weights without gradient stay")
class DecaysAll(GoodOptimizer):
    def step(self, closure):
        loss = super().step(closure)
        with torch.no_grad():
            for p in self.param_groups[0]["params"]:
                p.mul_(1 - 0.1 * self.param_groups[0]["lr"])
        return loss


@breaks("optimizer", "optimizer is deterministic")
class Shaking(GoodOptimizer):
    def move(self, p, group):
        p.sub_(group["lr"] * p.grad * (1 + 0.1 * torch.rand_like(p)))
