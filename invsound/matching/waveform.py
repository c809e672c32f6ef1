"""The waveform as a representation: what noise that is white disturbs least."""

from __future__ import annotations

import torch
from torch import Tensor

from ..feature import Feature
from ..problem import Problem
from .uncertainty import standard_errors


class Waveform(Feature):
    """Φ(x) = x."""

    def forward(self, x: Tensor) -> Tensor:
        return x


@torch.no_grad()
def waveform_errors(problem: Problem, nu: Tensor, free: Tensor, x: Tensor) -> Tensor:
    """Standard errors [F] in ν of a least-squares fit of g(ν) to x [N], whose gain and onset were fitted too."""
    x_hat = problem.render(nu[None])[0]
    J = Problem(problem.synth, Waveform(problem.synth.signal, None), problem.options).jacobian(nu[None])[0][:, free]
    omega = 2 * torch.pi * torch.arange(len(x) // 2 + 1, device=x.device) / len(x)
    slope = torch.fft.irfft(1j * omega * torch.fft.rfft(x_hat), len(x))
    nuisances = torch.stack([x_hat, slope], 1)
    return standard_errors(torch.cat([J, nuisances], 1), x - x_hat, float(x.norm()))[: J.shape[1]]
