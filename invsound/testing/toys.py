"""The smallest parts that obey every law: what losses and solvers are checked on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..feature import Feature
from ..parameter import Choice, Parameter
from ..problem import Problem
from ..signal import Signal
from ..space import Space
from ..synth import Synth


@dataclass
class NoOptions:
    """Toys have no options."""


class Tone(Synth):
    """x(t) = exp(−t/τ) sin(2πft), 128 samples at 8 kHz."""

    Options = NoOptions

    def __init__(self) -> None:
        super().__init__(NoOptions())
        self.space = Space(Parameter("f", "Hz", 200, 1000, "log"), Parameter("tau", "s", 0.004, 0.02))
        self.signal = Signal(8000, 128)

    def forward(self, theta: Tensor) -> Tensor:
        f, tau = theta[:, :, None].unbind(1)
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype, device=theta.device) / self.signal.sample_rate
        return torch.exp(-t / tau) * torch.sin(2 * torch.pi * f * t)


class SealedTone(Tone):
    """The same sound from a synthesizer that cannot be differentiated, as an external renderer cannot."""

    differentiable = False

    def forward(self, theta: Tensor) -> Tensor:
        return super().forward(theta.detach())


class Spray(Tone):
    """The same sound, of which the level of each sample, within 1 and 2, is a nuisance."""

    nuisance = True

    def forward(self, theta: Tensor) -> Tensor:
        draws = [torch.rand(self.signal.num_samples, generator=torch.Generator().manual_seed(seed)) for seed in self.seeds(theta)]
        return super().forward(theta) * (1 + torch.stack(draws).to(theta))


class Organ(Synth):
    """A tone of one of three waves and a number of partials, through one of two filters, its peak 1; 128 samples at 8 kHz."""

    Options = NoOptions
    WAVES, FILTERS = ("saw", "square", "sine"), ("open", "closed")

    def __init__(self) -> None:
        super().__init__(NoOptions())
        self.space = Space(
            Parameter("f", "Hz", 100, 400, "log", "pitch"),
            Choice("wave", self.WAVES, "how its partials fall off"),
            Parameter("partials", "", 1, 5, doc="how many it has", step=1),
            Choice("filter", self.FILTERS, "whether it is muffled"),
            Parameter("tau", "s", 0.004, 0.02, doc="decay"),
        )
        self.signal = Signal(8000, 128)

    def forward(self, theta: Tensor) -> Tensor:
        f, wave, partials, muffled, tau = theta[:, :, None, None].unbind(1)
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype, device=theta.device) / self.signal.sample_rate
        k = torch.arange(1, 6, dtype=theta.dtype, device=theta.device)[:, None]
        levels = torch.where(wave == 0, 1 / k, torch.where(wave == 1, k % 2, (-k).exp())) * (k <= partials) / (1 + muffled * k)
        x = (levels * torch.sin(2 * torch.pi * k * f * t) * torch.exp(-t / tau)).sum(1)
        return x / x.abs().amax(1, keepdim=True)


class Projection(Feature):
    """S = x A with a fixed random A [N, 6], in three paths of two."""

    Options = NoOptions
    num_paths = 3

    def __init__(self, signal: Signal) -> None:
        super().__init__(signal, NoOptions())
        A = torch.randn(signal.num_samples, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        self.register_buffer("A", A / signal.num_samples**0.5, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.get_buffer("A").to(x.dtype)

    def path(self, x: Tensor, k: int) -> Tensor:
        return x @ self.get_buffer("A").to(x.dtype)[:, 2 * k : 2 * k + 2]


def problem(synth: Synth | None = None) -> Problem:
    """Φ ∘ g of two parameters and six features."""
    synth = synth or Tone()
    return Problem(synth, Projection(synth.signal))


class Linear:
    """S(ν) = A ν with A [4, 3] well conditioned; counts the rows it is asked for."""

    A = torch.tensor([[2.0, 0.3, 0.0], [0.3, 1.0, -0.2], [0.0, -0.2, 1.5], [0.5, 0.1, 0.2]], dtype=torch.float64)

    def __init__(self, sealed: bool = False) -> None:
        self.sealed, self.rows = sealed, 0

    def __call__(self, nu: Tensor) -> Tensor:
        self.rows += len(nu)
        return (nu.detach() if self.sealed else nu) @ self.A.to(nu).mT

    def jacobian(self, nu: Tensor) -> Tensor:
        self.rows += len(nu) * nu.shape[1]
        return self.A.to(nu).expand(len(nu), -1, -1)


class Rough(Linear):
    """S(ν) = sign(sin(40 ν)): steps, flat between them; nothing to descend, and the target is out of reach."""

    def __call__(self, nu: Tensor) -> Tensor:
        self.rows += len(nu)
        return torch.sin(40 * nu).sign()

    def jacobian(self, nu: Tensor) -> Tensor:
        return torch.zeros(len(nu), nu.shape[1], nu.shape[1], dtype=nu.dtype, device=nu.device)
