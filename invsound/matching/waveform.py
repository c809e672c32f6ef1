"""The waveform as a representation: what noise that is white disturbs least."""

from __future__ import annotations

import torch
from torch import Tensor

from ..feature import Feature
from ..problem import Problem
from .search import Free
from .uncertainty import standard_errors

SPANNED = 0.05  # of the sound: what a change of parameters leaves of a change of gain


class Waveform(Feature):
    """Φ(x) = x."""

    def forward(self, x: Tensor) -> Tensor:
        return x


@torch.no_grad()
def is_gain_free(problem: Problem, nu: Tensor, free: Free) -> bool:
    """Whether a free parameter, or several together, make the sound louder and change nothing else: x̂ lies in the span of ∂x̂/∂ν.

    What such a synthesizer hears as loudness is not the recording's gain.
    """
    if problem.synth.peak is not None or not free.numbers.any():
        return False
    J, x_hat = _jacobian(problem, nu, free).double(), problem.render(nu[None])[0].double()
    J = J / J.norm(dim=0).clamp_min(torch.finfo(J.dtype).tiny)
    rest = x_hat - J @ torch.linalg.lstsq(J, x_hat[:, None]).solution[:, 0]
    return bool(rest.norm() < SPANNED * x_hat.norm())


def _jacobian(problem: Problem, nu: Tensor, free: Free) -> Tensor:
    """∂x̂/∂ν [N, …] along the free numbers."""
    waveform = Problem(problem.synth, Waveform(problem.synth.signal, None), problem.options)
    return waveform.jacobian(nu[None], options=False)[0][:, free.mask][:, free.numbers]


@torch.no_grad()
def waveform_errors(problem: Problem, nu: Tensor, free: Free, x: Tensor) -> Tensor:
    """Standard errors in ν of the free parameters [n] of a least-squares fit of g(ν) to x [N], whose gain and onset were fitted too;
    none of choices."""
    x_hat = problem.render(nu[None])[0]
    J = _jacobian(problem, nu, free)
    omega = 2 * torch.pi * torch.arange(len(x) // 2 + 1, device=x.device) / len(x)
    slope = torch.fft.irfft(1j * omega * torch.fft.rfft(x_hat), len(x))
    nuisances = torch.stack([x_hat, slope], 1)
    errors = torch.full(free.numbers.shape, torch.nan, dtype=torch.float64, device=J.device)
    errors[free.numbers] = standard_errors(torch.cat([J, nuisances], 1), x - x_hat, float(x.norm()))[: J.shape[1]]
    return free.each(errors, torch.nan)
