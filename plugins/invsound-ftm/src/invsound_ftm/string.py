"""The string: stiff, damped, struck at one point and heard at another."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from invsound import Parameter, Partials, Space, Synth, option

from .listen import distinct, listen
from .modes import below_nyquist, excitation, modal_sum, peak_normalize, wide
from .options import ModalOptions

# the logarithms of EI/(λℓ⁴), T₀/(λℓ²), d₁/λ and d₃/(λℓ²), all that can be heard, from those of the six parameters
AUDIBLE = torch.tensor([[1, 0, 0, 0, -1, -4], [0, 1, 0, 0, -1, -2], [0, 0, 1, 0, -1, 0], [0, 0, 0, 1, -1, -2]], dtype=torch.float64)


@dataclass
class StringOptions(ModalOptions):
    """Options of the string.

    num_modes: modes, the fundamental included
    """

    sample_rate: float = option(22050.0, above=4000, high=10**6, unit="Hz")
    strike: float = 0.12
    pickup: float = 0.31
    num_modes: int = option(20, low=1, high=65_536)


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
        self.signal = options.signal
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

    def guess(self, x: Tensor) -> Tensor:
        """Up to 8 strings, from the partials of x; see `listen`. Of those that sound alike, the one nearest the middle of the ranges."""
        nu = listen(self, x.double(), self.hypotheses).cpu()
        step = self.nearest_middle(nu @ self.hearing().mT) - nu
        room = (1 - nu * step.sign()) / step.abs().clamp_min(1e-30)  # how much of the step the bounds allow
        return distinct(nu + step * room.amin(1, keepdim=True).clamp(0, 1), len(nu)).clamp(-1, 1).to(x)

    def hypotheses(self, heard: Partials) -> Tensor:
        """θ [C, P] two of whose modes are two of the loudest partials: with q = (πm)², ω² + σ² and σ are linear in what is heard."""
        omega, order = heard.omega[:8].sort()
        y, sigma = omega**2 + heard.sigma[order] ** 2, heard.sigma[order]
        m = self.shape.cpu().nonzero()[:10, 0] + 1
        i, j = torch.combinations(torch.arange(len(omega))).mT[..., None]
        q, r = (math.pi * m[torch.combinations(torch.arange(len(m))).mT]) ** 2
        stiff, damping = (y[j] / r - y[i] / q) / (r - q), 2 * (sigma[j] - sigma[i]) / (r - q)
        heard_so = torch.stack([stiff, y[i] / q - stiff * q, 2 * sigma[i] - damping * q, damping], -1)
        possible = heard_so[heard_so[..., 1] > 0].clamp_min(1e-30).log()
        centre = self.space.to_theta(heard.omega.new_zeros(len(self.space))).log()
        return self.space.to_theta(self.nearest_middle(possible - AUDIBLE @ centre).clamp(-1, 1))

    def hearing(self) -> Tensor:
        """The derivative by ν of the logarithms of what can be heard: [4, P]."""
        return AUDIBLE * torch.tensor([math.log(p.high / p.low) / 2 for p in self.space], dtype=torch.float64)

    def nearest_middle(self, audible: Tensor, iterations: int = 50) -> Tensor:
        """ν [C, P] nearest 0 in [−1, 1] with these logarithms [C, 4] above those at 0, by projections in turn (Boyle & Dykstra 1986)."""
        B = self.hearing()
        inverse, nu = torch.linalg.pinv(B).mT, audible.new_zeros(len(audible), B.shape[1])
        outside = torch.zeros_like(nu)
        for _ in range(iterations):
            inside = (nu + outside).clamp(-1, 1)
            outside = nu + outside - inside
            nu = inside + (audible - inside @ B.mT) @ inverse
        return nu
