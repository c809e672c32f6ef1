"""A synthesizer of one's own, used without any packaging: the class, a problem, its Jacobian, a solver."""

from dataclasses import dataclass

import torch

import invsound
from invsound import Parameter, Signal, Space, Synth


@dataclass
class BellOptions:
    """Bell.

    num_samples: length of the sound
    """

    num_samples: int = 8192


class Bell(Synth):
    """x(t) = exp(−t/τ) sin(2πft + I exp(−t/τ) sin(2π·1.4f·t)), after Chowning 1973."""

    Options = BellOptions

    def __init__(self, options):
        super().__init__(options)
        self.space = Space(Parameter("f", "Hz", 100, 800, "log"), Parameter("tau", "s", 0.1, 0.8, "log"), Parameter("index", "", 0, 6))
        self.signal = Signal(sample_rate=16000, num_samples=options.num_samples)

    def forward(self, theta):
        f, tau, index = theta[:, :, None].unbind(1)
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype, device=theta.device) / self.signal.sample_rate
        envelope, phase = torch.exp(-t / tau), 2 * torch.pi * f * t
        return envelope * torch.sin(phase + index * envelope * torch.sin(1.4 * phase))


bell = Bell(BellOptions())
problem = invsound.Problem(bell, invsound.make("feature", "jtfs", signal=bell.signal, J=9, Q=(8, 1)))
truth = bell.space.to_nu(bell.space.values({"f": 300, "index": 2}))[None]
J = problem.jacobian(truth)
print(f"S has {J.shape[1]} coefficients; each parameter moves it by {[round(float(n)) for n in J[0].norm(dim=0)]} per unit of ν")

start = truth + 1e-4
found = invsound.make("solver", "lm").solve(problem, problem(truth)[0], start)
theta = dict(zip(bell.space.names, bell.space.to_theta(found.nu).tolist(), strict=True))
print(f"{found.advice} {theta}")
assert found.distance < 1e-6
assert abs(theta["f"] - 300) < 1e-3
