"""The string: stiff, damped, struck at one point and heard at another."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from invsound import Parameter, Signal, Space, Synth

from .modes import below_nyquist, excitation, modal_sum, peak_normalize, wide


@dataclass
class StringOptions:
    """Options of the string.

    num_modes: modes, the fundamental included
    sample_rate: sample rate, Hz
    num_samples: length N, samples
    strike: where the string is struck, as a fraction of its length
    pickup: where it is heard, as a fraction of its length
    """

    num_modes: int = 20
    sample_rate: float = 22050.0
    num_samples: int = 65536
    strike: float = 0.12
    pickup: float = 0.31

    def __post_init__(self) -> None:
        if self.num_modes < 1 or self.num_samples < 2:
            raise ValueError(f"needs num_modes ≥ 1 and num_samples ≥ 2, got {self.num_modes} and {self.num_samples}")
        if not self.sample_rate > 4000:
            raise ValueError(f"sample_rate is above 4000 Hz, twice the highest fundamental, got {self.sample_rate}")
        if not (0 < self.strike < 1 and 0 < self.pickup < 1):
            raise ValueError(f"strike and pickup lie between 0 and 1 (excluded: the ends are still), got {self.strike} and {self.pickup}")


class String(Synth):
    """x(t) = Σ_m K_m/ω_m · e^{−σ_m t} sin(ω_m t) / max|x|, over the modes below Nyquist;  with n = (mπ/ℓ)²,

        σ_m = (d₁ + d₃ n)/(2λ),      ω_m² = (EI n² + T₀ n)/λ − σ_m²,

    and K_m the product of the mode's shape sin(πm u) at the strike and at the pick-up. A mode too damped to oscillate is
    dropped. The ranges hold nylon, gut and steel strings. The sound depends on EI/(λℓ⁴), T₀/(λℓ²), d₁/λ and d₃/(λℓ²)
    alone: six parameters, of which four combinations can be heard. Source: Trautmann & Rabenstein, "Digital sound synthesis by
    physical modeling using the functional transformation method", Kluwer, 2003.
    """

    Options = StringOptions
    shape: Tensor

    def __init__(self, options: StringOptions) -> None:
        super().__init__(options)
        self.signal = Signal(options.sample_rate, options.num_samples)
        self.space = Space(
            Parameter("EI", "N m²", 1e-5, 1e-2, "log", "bending stiffness: inharmonicity"),
            Parameter("T0", "N", 10.0, 200.0, "log", "tension"),
            Parameter("d1", "kg/(m s)", 1e-5, 1e-2, "log", "damping of all modes alike"),
            Parameter("d3", "kg m/s", 1e-7, 1e-4, "log", "damping that grows with frequency"),
            Parameter("lambda", "kg/m", 2e-4, 1e-2, "log", "mass per length"),
            Parameter("ell", "m", 0.3, 1.5, "log", "length"),
        )
        self.register_buffer("shape", excitation(options.num_modes, options.strike, options.pickup), persistent=False)

    def modes(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """ω_m [rad/s] and σ_m [1/s], each [B, num_modes]; a mode that does not oscillate is put at Nyquist, where it is dropped."""
        EI, T0, d1, d3, mass, length = theta[..., None].unbind(-2)
        n = (torch.arange(1, self.options.num_modes + 1, dtype=theta.dtype, device=theta.device) * math.pi / length) ** 2
        sigma = (d1 + d3 * n) / (2 * mass)
        omega2 = (EI * n**2 + T0 * n) / mass - sigma**2
        nyquist = torch.full_like(omega2, math.pi * self.signal.sample_rate)
        return torch.where(omega2 > 0, omega2, nyquist**2).sqrt(), sigma

    def forward(self, theta: Tensor) -> Tensor:
        omega, sigma = (rate / self.signal.sample_rate for rate in self.modes(wide(theta)))
        amplitude = below_nyquist(omega, self.shape.to(omega) / omega)
        return peak_normalize(modal_sum(amplitude, omega, sigma, self.signal.num_samples, theta.dtype))
