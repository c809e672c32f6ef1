"""Fitting a synthesizer to a waveform whose gain and onset are not known."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invsound import Synth, least_squares

LATEST = 2048  # samples: the latest onset, either way
EDGE = 16  # samples after a cut, which a shift by a fraction of a sample smears


def fit(synth: Synth, x: Tensor, nu: Tensor, iterations: int = 8) -> tuple[Tensor, Tensor]:
    """ν [C, P] improved by Levenberg–Marquardt on r = g/‖g‖ − x(· + δ)/‖x(· + δ)‖ and the onset δ, in samples; and ‖r‖ [C].

    x is compared over the length N of `synth`, of which it may have more. Each row has its damping, and takes the steps that lessen
    its ‖r‖; all end when twice in a row the least ‖r‖ has lost less than a hundredth.
    """
    N, length = synth.signal.num_samples, synth.signal.num_samples + LATEST
    X = torch.fft.rfft(x[:length], 2 * length)
    onset = _onset(synth, X, nu)[:, None]
    place, edge = torch.arange(N) + onset, EDGE * (onset != 0)
    recorded = (place >= edge) & (place < len(x) - edge)  # x may have lost its start, or end early
    v = torch.cat([nu, onset], 1)

    def residual(v: Tensor) -> Tensor:
        turn = math.pi / length * torch.arange(len(X)) * v[:, -1:]
        shifted = torch.fft.irfft(X * torch.polar(torch.ones_like(turn), turn))[:, :N]
        return _unit(recorded * synth(synth.space.to_theta(v[:, :-1]))) - _unit(recorded * shifted)

    bound = torch.tensor([1.0] * nu.shape[1] + [torch.inf])
    v = least_squares(residual, v, low=-bound, high=bound, longest=0.3, steps=iterations, enough=0.01)
    return v[:, :-1], residual(v).norm(dim=1)


def _unit(x: Tensor) -> Tensor:
    """x / ‖x‖, row by row; silence stays silent."""
    return x / (x**2).sum(1, keepdim=True).clamp_min(1e-30).sqrt()


def _onset(synth: Synth, X: Tensor, nu: Tensor) -> Tensor:
    """The shift [C], in whole samples, at which x correlates most with the sound of ν [C, P]."""
    n = 2 * (len(X) - 1)
    G = torch.fft.rfft(synth(synth.space.to_theta(nu)), n)
    correlation = torch.fft.irfft(X * G.conj(), n).roll(LATEST, 1)[:, : 2 * LATEST + 1]
    return (correlation.argmax(1) - LATEST).to(nu)
