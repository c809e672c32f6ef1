"""The rectangular drum: a damped, stiff, struck membrane, by the functional transformation method."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from invsound import Parameter, Partials, Space, Synth, option, published_table

from .listen import listen
from .modes import below_nyquist, excitation, modal_sum, peak_normalize, wide
from .options import ModalOptions


@dataclass
class DrumOptions(ModalOptions):
    """Options of the rectangular drum.

    num_modes: modes per axis; the drum has num_modes² of them
    strike: where the drum is struck, as a fraction of either side; the rim is still
    pickup: where it is heard, as a fraction of either side
    """

    num_modes: int = option(10, low=1, high=256)


class Drum(Synth):
    """x(t) = Σ_mk K_mk/ω_mk · e^{−σ_mk t} sin(ω_mk t) / max|x|, over the modes below Nyquist;  with b = α + 1/α,

        Δ_mk = (m² − 1)α + (k² − 1)/α,      σ_mk = (1 + pΔ)/τ,
        ω_mk² = ω²[1 + Δ(D²(Δ + b) + 1/b)] + (1 − pb)²Δ/(bτ²),

    and K_mk the product of the mode's shape sin(πm u) sin(πk u) at the strike and at the pick-up. Every term is
    non-negative: nothing cancels in float32. Source: Han, Lostanlen & Lagrange, "Learning to solve inverse problems for
    perceptual sound matching", IEEE/ACM TASLP 32, 2024 (arXiv:2311.14213), after Rabenstein & Trautmann (2003).
    """

    Options = DrumOptions
    shape: Tensor

    def __init__(self, options: DrumOptions) -> None:
        super().__init__(options)
        self.signal = options.signal
        self.space = Space(
            Parameter("omega", "rad/s", 2 * math.pi * 40, 2 * math.pi * 1000, "log", "angular frequency of the fundamental"),
            Parameter("tau", "s", 0.07, 0.8, "linear", "decay time of the fundamental"),
            Parameter("p", "", 1e-5, 0.2, "log", "inhomogeneous damping: how much faster high modes decay"),
            Parameter("D", "", 1e-5, 0.3, "log", "dispersion: how inharmonic stiffness makes the modes"),
            Parameter("alpha", "", 1e-5, 1.0, "linear", "aspect ratio of the sides"),
        )
        side = excitation(options.num_modes, options.strike, options.pickup)
        self.register_buffer("shape", torch.outer(side, side).flatten(), persistent=False)

    def modes(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """ω_mk [rad/s] and σ_mk [1/s], each [B, num_modes²], k fastest."""
        omega, tau, p, D, alpha = theta[..., None].unbind(-2)
        m2 = torch.arange(1, self.options.num_modes + 1, dtype=theta.dtype, device=theta.device) ** 2 - 1
        delta = (alpha[..., None] * m2[:, None] + m2 / alpha[..., None]).flatten(-2)
        b = alpha + 1 / alpha
        omega2 = omega**2 * (1 + delta * (D**2 * (delta + b) + 1 / b)) + (1 - p * b) ** 2 * delta / (b * tau**2)
        return omega2.sqrt(), (1 + p * delta) / tau

    def forward(self, theta: Tensor) -> Tensor:
        omega, sigma = (rate / self.signal.sample_rate for rate in self.modes(wide(theta)))
        amplitude = below_nyquist(omega, self.shape.to(omega) / omega)
        return peak_normalize(modal_sum(amplitude, omega, sigma, self.signal.num_samples, theta.dtype))

    def guess(self, x: Tensor) -> Tensor:
        """Up to 8 drums, from the partials of x; see `listen`."""
        return listen(self, x, self.hypotheses)

    def hypotheses(self, heard: Partials) -> Tensor:
        """θ [C, P] whose fundamental is the loudest partial, or a lower one, and one of whose modes (m, 1) or (1, k) is another.

        For each α on a grid, the decay of that mode gives p, and then its frequency D, by the formulas above; random ones are added.
        """
        low, high = (torch.tensor([getattr(p, end) for p in self.space], dtype=torch.float64) for end in ("low", "high"))
        random = self.space.to_theta(2 * torch.quasirandom.SobolEngine(len(low)).draw(1024, dtype=torch.float64) - 1)
        within = (heard.omega > low[0]) & (heard.omega < high[0])
        lower = within & (heard.omega <= heard.omega[within][:1].sum())
        found = [low.new_empty(0, len(low))]
        for i in lower.nonzero()[:3, 0]:
            fundamental = torch.stack([heard.omega[i], 1 / heard.sigma[i].clamp(1 / high[1], 1 / low[1])])
            found.append(torch.cat([fundamental.expand(1024, 2), random[:, 2:]], 1))
            for j in (heard.omega > 1.001 * heard.omega[i]).nonzero()[:9, 0]:
                found.append(self._through(fundamental, heard.omega[j], heard.sigma[j], low, high))
        return torch.cat(found)

    def _through(self, fundamental: Tensor, omega_j: Tensor, sigma_j: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """θ [C, P] of this fundamental (ω, τ), for 500 α, if a mode (m, 1) or (1, k) of theirs can have this frequency and decay."""
        omega, tau = fundamental
        alpha = torch.logspace(-2.5, 0, 500, dtype=torch.float64)[:, None]
        audible = self.shape.cpu().unflatten(0, (self.options.num_modes, -1))[1:, 0].nonzero()[:, 0]
        delta = ((audible + 2) ** 2 - 1) * torch.stack([alpha, 1 / alpha])
        b = alpha + 1 / alpha
        p = ((tau * sigma_j - 1) / delta).clamp(low[2], high[2])
        stiff = (omega_j / omega) ** 2 - 1 - delta / b * (1 + (1 - p * b) ** 2 / (omega * tau) ** 2)
        D = (stiff / (delta * (delta + b))).clamp(low[3] ** 2, high[3] ** 2).sqrt()
        possible = (stiff - delta * (delta + b) * D**2).abs() < 0.02 * (omega_j / omega) ** 2
        return torch.stack(torch.broadcast_tensors(omega, tau, p, D, alpha), -1)[possible]

    def published(self) -> tuple[Tensor, list[str]]:
        return published_table(self.space, cells=10, inset=2, test=10000, reseed=True)
