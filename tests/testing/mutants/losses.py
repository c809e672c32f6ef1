"""Mutants: losses."""

import torch

from invsound import Loss

from .common import Options, breaks


class GoodLoss(Loss):
    Options, monitor = Options, "damping"

    def __init__(self, problem, options):
        super().__init__(problem, options)
        self.register_buffer("damping", torch.tensor(1.0, dtype=torch.float64))

    def prepare(self, nu):
        return self.problem.metric_factor(nu)

    def forward(self, nu_hat, nu, side):
        e = (nu_hat - nu).double()
        form = (side @ e[:, :, None]).square().sum((1, 2))
        return form + self.damping * e.square().sum(1) if self.training else form

    def adapt(self, validation_loss):
        self.damping.mul_(0.5)


@breaks("loss", "side has a row per example")
class Pooled(GoodLoss):
    def prepare(self, nu):
        return super().prepare(nu) / super().prepare(nu).abs().max()


@breaks("loss", "what was recorded is compared as what was made")
class Louder(GoodLoss):
    needs_gradient = True

    def prepare(self, nu):
        return self.problem(nu).detach()

    def prepare_recorded(self, x, end):
        return self.problem.feature(2 * x)

    def forward(self, nu_hat, nu, side):
        return (self.problem(nu_hat) - side).square().sum(1)


@breaks("loss", "what was recorded is compared as what was made")
class Lasting(Louder):
    def prepare_recorded(self, x, end):
        return self.problem.feature(x)


@breaks("loss", "one value per example")
class MeanLoss(GoodLoss):
    def forward(self, nu_hat, nu, side):
        return super().forward(nu_hat, nu, side).mean()


@breaks("loss", "zero and flat at the truth")
class Regularised(GoodLoss):
    def forward(self, nu_hat, nu, side):
        return super().forward(nu_hat, nu, side) + 1e-3 * nu_hat.square().sum(1)


@breaks("loss", "examples are independent")
class BatchNormed(GoodLoss):
    def forward(self, nu_hat, nu, side):
        return super().forward(nu_hat, nu, side) / (nu_hat - nu).detach().norm().clamp(min=1e-9)


@breaks("loss", "gradient is the derivative")
class Straight(GoodLoss):
    def forward(self, nu_hat, nu, side):
        return super().forward(nu_hat, nu, side) * (1 + nu_hat.detach().square().sum(1))


@breaks("loss", "eval is a metric")
class DampedMetric(GoodLoss):
    def forward(self, nu_hat, nu, side):
        return super().forward(nu_hat, nu, side) + self.damping * (nu_hat - nu).square().sum(1)


@breaks("loss", "state survives a checkpoint")
class PlainState(GoodLoss):
    weight = 1.0

    def forward(self, nu_hat, nu, side):
        return super().forward(nu_hat, nu, side) * (self.weight if self.training else 1.0)

    def adapt(self, validation_loss):
        self.weight *= 0.5


@breaks("loss", "monitor is a scalar buffer")
class WrongMonitor(GoodLoss):
    monitor = "dampnig"


@breaks("loss", "arguments are left alone")
class InPlace(GoodLoss):
    def forward(self, nu_hat, nu, side):
        value = super().forward(nu_hat, nu, side)
        side.mul_(2)
        return value


@breaks("loss", "loss is deterministic")
class NoisyLoss(GoodLoss):
    def forward(self, nu_hat, nu, side):
        return super().forward(nu_hat, nu, side) * (1 + torch.rand(len(nu), dtype=nu.dtype))


@breaks("loss", "needs gradient is declared")
class Undeclared(GoodLoss):
    def forward(self, nu_hat, nu, side):
        return super().forward(nu_hat, nu, side) + (self.problem(nu_hat) - self.problem(nu)).square().sum(1)
