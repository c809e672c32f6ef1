"""The chirp itself, with its derivatives in closed form."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

LN2 = math.log(2)


def chirp(theta: Tensor, sample_rate: float, num_samples: int, width: float) -> Tensor:
    """θ [..., 3] → x [..., N]. The phase reaches 1e5 rad: it is computed in float64 where the device has it.

    Differentiable to any order, in both modes and under `torch.func`.
    """
    x: Tensor = _Chirp.apply(theta, sample_rate, num_samples, width)  # type: ignore[no-untyped-call]
    return x


class _Chirp(torch.autograd.Function):
    """x = γ e^{−u²/2} sin(φ) sin(ψ). All directions of a Jacobian share ∂x/∂θ: they cost one more synthesis or two, not one each."""

    @staticmethod
    def forward(theta: Tensor, sample_rate: float, num_samples: int, width: float) -> Tensor:
        f0, fm, gamma, t = _variables(theta, sample_rate, num_samples)
        envelope = torch.exp(-0.5 * (gamma / width * (t + 0.5 / sample_rate)) ** 2)
        return (gamma * envelope * phase(f0, gamma, t).sin() * (2 * math.pi * fm * t).sin()).to(theta.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])
        ctx.shape = inputs[1:]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], theta: Tensor, *shape: Any) -> tuple[Tensor, int]:
        assert in_dims[0] is not None
        return chirp(theta.movedim(in_dims[0], 0), *shape), 0

    @staticmethod
    def jvp(ctx: Any, dtheta: Tensor, *_: None) -> Tensor:
        with forward_ad._set_fwd_grad_enabled(True):  # else a second forward derivative is silently zero (pytorch#197867)
            theta = forward_ad.unpack_dual(*ctx.saved_tensors).primal
            return (dtheta[..., None, :] @ _columns(theta, *ctx.shape)).squeeze(-2)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        return (_columns(*ctx.saved_tensors, *ctx.shape) @ g[..., None]).squeeze(-1), None, None, None


def wide(values: Tensor) -> Tensor:
    """`values` in float64, where the device has it."""
    return values.to(torch.float32 if values.device.type == "mps" else torch.float64)


def _variables(theta: Tensor, sample_rate: float, num_samples: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """f0, fm, γ [..., 1] and t [N]."""
    f0, fm, gamma = wide(theta)[..., None].unbind(-2)
    return f0, fm, gamma, torch.arange(-num_samples / 2, num_samples / 2, dtype=f0.dtype, device=f0.device) / sample_rate


def phase(f0: Tensor, gamma: Tensor, t: Tensor) -> Tensor:
    """φ = 2πf0 (2^{γt} − 1) / (γ ln 2), rad; beyond 16 octaves, where the envelope is long zero, it stands still."""
    return 2 * math.pi * f0 / (LN2 * gamma) * torch.expm1(LN2 * (gamma * t).clamp(-16, 16))


def _columns(theta: Tensor, sample_rate: float, num_samples: int, width: float) -> Tensor:
    """∂x/∂f0, ∂x/∂fm and ∂x/∂γ: [..., 3, N]."""
    f0, fm, gamma, t = _variables(theta, sample_rate, num_samples)
    phi, tremolo, u = phase(f0, gamma, t), 2 * math.pi * fm * t, gamma / width * (t + 0.5 / sample_rate)
    stretch = ((LN2 * gamma * t - 1) * phi + 2 * math.pi * f0 * t) / gamma  # ∂φ/∂γ
    envelope, carrier = torch.exp(-0.5 * u**2), phi.sin()
    beats = envelope * tremolo.sin()
    slope = gamma * beats * phi.cos()  # ∂x/∂φ
    df0 = slope * phi / f0
    dfm = 2 * math.pi * gamma * t * envelope * carrier * tremolo.cos()
    dgamma = beats * carrier * (1 - u**2) + slope * stretch
    return torch.stack([column.to(theta.dtype) for column in (df0, dfm, dgamma)], -2)
