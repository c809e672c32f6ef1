"""The waveform as a representation: what noise that is white disturbs least."""

from __future__ import annotations

import torch
from torch import Tensor

from ..feature import Feature
from ..problem import Problem
from .search import Free
from .uncertainty import standard_errors


class Waveform(Feature):
    """Φ(x) = x."""

    def forward(self, x: Tensor) -> Tensor:
        return x


@torch.no_grad()
def waveform_errors(problem: Problem, nu: Tensor, free: Free, x: Tensor) -> Tensor:
    """Standard errors in ν of the free parameters [n] of a least-squares fit of g(ν) to x [N], whose gain and onset were fitted too;
    none of choices."""
    x_hat = problem.render(nu[None])[0]
    J = Problem(problem.synth, Waveform(problem.synth.signal, None), problem.options).jacobian(nu[None], options=False)[0]
    omega = 2 * torch.pi * torch.arange(len(x) // 2 + 1, device=x.device) / len(x)
    slope = torch.fft.irfft(1j * omega * torch.fft.rfft(x_hat), len(x))
    nuisances = torch.stack([x_hat, slope], 1)
    J = J[:, free.mask][:, free.numbers]
    errors = torch.full(free.numbers.shape, torch.nan, dtype=torch.float64, device=J.device)
    errors[free.numbers] = standard_errors(torch.cat([J, nuisances], 1), x - x_hat, float(x.norm()))[: J.shape[1]]
    return free.each(errors, torch.nan)
