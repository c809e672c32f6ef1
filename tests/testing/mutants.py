"""Deliberately broken parts: each breaks one law, and the suite must say which. The parts named Good… break none."""

import random
from dataclasses import dataclass

import torch

from invsound import Encoder, Feature, Loss, Parameter, Score, Signal, Solution, Solver, Space, Synth

MUTANTS = []


def breaks(kind, law):
    def declare(cls):
        MUTANTS.append((kind, law, cls.__name__))
        return cls

    return declare


@dataclass
class Options:
    """Options.

    num_samples: length of the sound, samples
    """

    num_samples: int = 128


@dataclass
class Bare:
    """No line for the option."""

    size: int = 1


@dataclass
class Doubling:
    """Every reading of it changes it.

    size: a length, in samples, half of it as given
    """

    size: int = 1

    def __post_init__(self):
        self.size *= 2


class GoodSynth(Synth):
    Options = Options

    def __init__(self, options):
        super().__init__(options)
        self.space = Space(Parameter("f", "Hz", 200, 1000, "log"), Parameter("tau", "s", 0.002, 0.02))
        self.signal = Signal(8000, getattr(options, "num_samples", 128))

    def forward(self, theta):
        f, tau = theta[:, :, None].unbind(1)
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype, device=theta.device) / self.signal.sample_rate
        return torch.exp(-t / tau) * torch.sin(2 * torch.pi * f * t)


@breaks("synth", "class is of its kind")
class Stranger(torch.nn.Module):
    Options, differentiable = Options, True
    forward, guess = GoodSynth.forward, Synth.guess

    def __init__(self, options):
        super().__init__()
        made = GoodSynth(options)
        self.space, self.signal = made.space, made.signal


@breaks("synth", "options are documented")
class Undocumented(GoodSynth):
    Options = Bare


@breaks("synth", "options survive yaml")
class Forgetful(GoodSynth):
    Options = Doubling


@breaks("synth", "batch is loop")
class BatchPeak(GoodSynth):
    def forward(self, theta):
        x = super().forward(theta)
        return x / x.abs().max()


@breaks("synth", "rows are independent")
class Leaking(GoodSynth):
    def forward(self, theta):
        return super().forward(theta) + 1e-6 * theta.sum() / theta.sum().detach() * theta.mean()


@breaks("synth", "deterministic")
class Dice(GoodSynth):
    def forward(self, theta):
        return super().forward(theta) + 1e-3 * torch.randn(len(theta), self.signal.num_samples)


@breaks("synth", "deterministic")
class UnseededNoise(GoodSynth):
    def __init__(self, options):
        super().__init__(options)
        self.register_buffer("noise", torch.randn(128), persistent=False)

    def forward(self, theta):
        return super().forward(theta) + self.noise.to(theta)[: self.signal.num_samples]


@breaks("synth", "input is left alone")
class Overwriting(GoodSynth):
    def forward(self, theta):
        x = super().forward(theta)
        theta[:, 0] = 0
        return x


@breaks("synth", "dtype follows the input")
class AlwaysFloat(GoodSynth):
    def forward(self, theta):
        return super().forward(theta).float()


@breaks("synth", "constants are buffers")
class StrayTensor(GoodSynth):
    def __init__(self, options):
        super().__init__(options)
        self.window = torch.ones(128)


@breaks("synth", "device follows the input")
class AlwaysCPU(GoodSynth):
    def forward(self, theta):
        return super().forward(theta.cpu())


@breaks("synth", "space and signal are stated")
class SpacedName(GoodSynth):
    def __init__(self, options):
        super().__init__(options)
        self.space = Space(Parameter("f 0", "Hz", 200, 1000), Parameter("tau", "s", 0.002, 0.02))


@breaks("synth", "sound has its length")
class OneShort(GoodSynth):
    def forward(self, theta):
        return super().forward(theta)[:, :-1]


@breaks("synth", "finite everywhere in its bounds")
class Pole(GoodSynth):
    def forward(self, theta):
        return super().forward(theta) / (self.space.to_nu(theta)[:, 1:] - 1)


@breaks("synth", "derivatives are finite in its bounds")
class Root(GoodSynth):
    def forward(self, theta):
        return super().forward(theta) * (1 - self.space.to_nu(theta)[:, 1:]).clamp(min=0).sqrt()


@breaks("synth", "reverse mode is the derivative")
@breaks("synth", "forward mode is the derivative")
class Detached(GoodSynth):
    def forward(self, theta):
        return super().forward(torch.cat([theta[:, :1].detach(), theta[:, 1:]], 1))


class _WrongBackward(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return 2 * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def jvp(ctx, dx):
        return 2 * dx

    @staticmethod
    def backward(ctx, g):
        return 2.1 * g


class _WrongJvp(_WrongBackward):
    @staticmethod
    def jvp(ctx, dx):
        return 2.1 * dx

    @staticmethod
    def backward(ctx, g):
        return 2 * g


@breaks("feature", "reverse mode is the derivative")
class WrongBackward(Feature):
    Options = Options

    def forward(self, x):
        return _WrongBackward.apply(x)


@breaks("feature", "forward mode is the derivative")
class WrongJvp(Feature):
    Options = Options

    def forward(self, x):
        return _WrongJvp.apply(x)


@breaks("synth", "works under vmap")
class Branching(GoodSynth):
    def forward(self, theta):
        x = super().forward(theta)
        return x if theta.sum() > 0 else -x


@breaks("synth", "guess is candidates")
class FlatGuess(GoodSynth):
    def guess(self, x):
        return x.new_zeros(2)


class GoodFeature(Feature):
    Options = Options

    def forward(self, x):
        return torch.fft.rfft(x).abs()


@breaks("feature", "representation is a row")
class Cube(Feature):
    Options = Options

    def forward(self, x):
        return x.unflatten(1, (-1, 8)).square()


@breaks("feature", "finite on edge sounds")
class Logarithm(Feature):
    Options = Options

    def forward(self, x):
        return torch.fft.rfft(x).abs().log()


@breaks("feature", "derivatives are finite on edge sounds")
class SquareRoot(Feature):
    Options = Options

    def forward(self, x):
        X = torch.fft.rfft(x)
        return (X.real**2 + X.imag**2).sqrt()


class GoodScore(Score):
    Options = Options

    def forward(self, x_hat, x):
        return (x_hat - x).norm(dim=1)


@breaks("score", "score is a distance per row")
class MeanScore(GoodScore):
    def forward(self, x_hat, x):
        return super().forward(x_hat, x).mean()


@breaks("score", "score is a distance per row")
class Offset(GoodScore):
    def forward(self, x_hat, x):
        return super().forward(x_hat, x) + 1


@breaks("score", "score is finite on edge sounds")
class Relative(GoodScore):
    def forward(self, x_hat, x):
        return super().forward(x_hat, x) / x.norm(dim=1)


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


class GoodEncoder(Encoder):
    Options = Options

    def __init__(self, signal, num_outputs, options):
        super().__init__(signal, num_outputs, options)
        self.body = torch.nn.Sequential(torch.nn.BatchNorm1d(64), torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, num_outputs))

    def prepare(self, x):
        return torch.log1p(torch.fft.rfft(x)[:, :64].abs())

    def forward(self, inputs):
        return torch.tanh(self.body(inputs))


@breaks("encoder", "front end has no weights")
class LearnedFrontEnd(GoodEncoder):
    def prepare(self, x):
        return super().prepare(x) * (1 + self.body[1].weight[0])


@breaks("encoder", "outputs lie in the space")
class Unbounded(GoodEncoder):
    def forward(self, inputs):
        return self.body(inputs)


@breaks("encoder", "eval is row by row")
class Centred(GoodEncoder):
    def forward(self, inputs):
        return super().forward(inputs - inputs.mean(0))


@breaks("encoder", "gradient reaches every weight")
class DeadLayer(GoodEncoder):
    def __init__(self, signal, num_outputs, options):
        super().__init__(signal, num_outputs, options)
        self.forgotten = torch.nn.Linear(2, 2)


@breaks("encoder", "weights survive a checkpoint")
class HiddenState(GoodEncoder):
    mean = 0.0

    def forward(self, inputs):
        if self.training:
            self.mean = float(inputs.mean())
        return super().forward(inputs - self.mean)


@breaks("encoder", "weights follow the seed")
class OtherDice(GoodEncoder):
    def __init__(self, signal, num_outputs, options):
        super().__init__(signal, num_outputs, options)
        torch.nn.init.constant_(self.body[3].bias, random.random())


class GoodSolver(Solver):
    """Damped Gauss–Newton from the nearest start, stepping back where it does not help."""

    Options = Options

    def solve(self, forward, target, nu0, stop=lambda: False):
        distances = (forward(nu0) - target).detach().norm(dim=1)
        best, nu = float(distances.min()), nu0[distances.argmin()].detach().clone()
        history, converged = [(len(nu0), best)], False
        for k in range(30):
            if stop() or converged:
                break
            J, r = forward.jacobian(nu[None])[0], (forward(nu[None])[0] - target).detach()
            step = -torch.linalg.solve(J.mT @ J + 1e-2 * torch.eye(len(nu), dtype=nu.dtype), J.mT @ r)
            trial = self.bounded(nu + step)
            distance = float((forward(trial[None])[0] - target).detach().norm())
            converged = bool((trial - nu).abs().max() < 1e-6)
            nu, best = (trial, distance) if distance < best else (nu, best)
            history.append((len(nu0) + 2 * k + 2, best))
        return Solution(nu, best, converged, "Converged." if converged else "Not converged.", history)

    def bounded(self, nu):
        return nu.clamp(-1, 1)


@breaks("solver", "solves linear least squares")
class Lazy(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        return super().solve(forward, target, nu0, lambda: True)


@breaks("solver", "distance is of the solution")
class Squared(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        found = super().solve(forward, target, nu0, stop)
        return Solution(nu0[0], 0.0, found.converged, found.advice, found.history)


@breaks("solver", "bounds are respected")
class Escaping(GoodSolver):
    def bounded(self, nu):
        return nu


@breaks("solver", "failing is a solution")
class Raising(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        found = super().solve(forward, target, nu0, stop)
        if not found.converged or found.distance > 1:
            raise RuntimeError("did not converge")
        return found


@breaks("solver", "stop is honoured")
class Deaf(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        for _ in range(100):
            forward(nu0)
        return super().solve(forward, target, nu0)


@breaks("solver", "starts are left alone")
class Overwriter(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        found = super().solve(forward, target, nu0, stop)
        nu0.zero_()
        return found


@breaks("solver", "history goes down")
class Zigzag(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        found = super().solve(forward, target, nu0, stop)
        return Solution(found.nu, found.distance, found.converged, found.advice, [(1, 1.0), (2, 3.0)])


@breaks("solver", "needs gradient is declared")
class SecretGradient(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        nu = nu0.clone().requires_grad_()
        torch.autograd.grad(forward(nu).sum(), nu)
        return super().solve(forward, target, nu0, stop)


@breaks("solver", "solver is deterministic")
class Wandering(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        found = super().solve(forward, target, nu0, stop)
        return Solution(found.nu + 1e-4 * random.random(), found.distance, found.converged, found.advice, found.history)
