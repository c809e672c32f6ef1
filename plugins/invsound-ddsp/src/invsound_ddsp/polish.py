"""The last digits, from the waveform."""

from __future__ import annotations

import torch
from torch import Tensor

from .note import Note

QUIET = 0.03  # of the peak: down to it, quiet parts weigh as much as loud ones


def polish(voice: Note, x: Tensor, nu: Tensor, steps: int = 16) -> Tensor:
    """ν [P] after Levenberg–Marquardt on the waveform within the bounds, each sample relative to the envelope.

    It is left as it was where in the end the waveform keeps three tenths of its energy unexplained: other phases, another noise.
    """
    weight = 1 / voice.envelope(voice.space.to_theta(nu)[-4:]).clamp(min=QUIET)
    directions = torch.eye(len(nu) + 1, dtype=nu.dtype, device=nu.device)

    def sound(q: Tensor) -> Tensor:
        return q[-1] * voice.unscaled(voice.space.to_theta(q[None, :-1]))[0] * weight

    def jacobian(q: Tensor) -> Tensor:
        J: Tensor = torch.func.vmap(lambda d: torch.func.jvp(sound, (q,), (d,))[1], out_dims=1)(directions)
        return J

    target, m = x * weight, sound(torch.cat([nu, nu.new_ones(1)]))
    q = torch.cat([nu, (m @ target / (m @ m))[None]])
    r, damping = sound(q) - target, 1e-3
    if r.square().sum() > 0.9 * target.square().sum():
        return nu
    J = jacobian(q)
    for _ in range(steps):
        trial = _held(q + _step(J, r, q, damping))
        r_trial = sound(trial) - target
        if not r_trial.square().sum() < r.square().sum():
            damping *= 10
            continue
        converged = damping < 1e-6 and r_trial.square().sum() > (1 - 1e-4) * r.square().sum()
        q, r, damping = trial, r_trial, damping / 10
        if converged:
            break
        J = jacobian(q)
    return q[:-1] if (r / weight).square().sum() < 0.3 * x.square().sum() else nu


def _held(q: Tensor) -> Tensor:
    return torch.cat([q[:-1].clamp(-1, 1), q[-1:]])


def _step(J: Tensor, r: Tensor, q: Tensor, damping: float) -> Tensor:
    """−(JᵀJ + λ diag JᵀJ)⁻¹ Jᵀr with those held that are at a bound and would leave it."""
    gradient = J.mT @ r
    free = ~(((q >= 1) & (gradient < 0)) | ((q <= -1) & (gradient > 0)))
    free[-1] = True
    J = J * free
    H = J.mT @ J
    scale = H.diagonal()
    floor = 1e-12 * scale.amax() + torch.finfo(H.dtype).tiny
    step: Tensor = torch.linalg.solve_ex(H + torch.diag(damping * scale + floor), -gradient * free)[0]
    return step.nan_to_num(0, 0, 0)
