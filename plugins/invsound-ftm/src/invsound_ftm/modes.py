"""Sums of damped sinusoids, the engine under every model of this package."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def wide(theta: Tensor) -> Tensor:
    """`theta` in float64, where the device has it: ωt reaches 1e5 rad, of which float32 keeps two decimals."""
    return theta.to(torch.float32 if theta.device.type == "mps" else torch.float64)


def excitation(num_modes: int, strike: float, pickup: float) -> Tensor:
    """sin(πm u) sin(πm v), m = 1…num_modes: how well each mode is struck at u and heard at v, fractions of the length."""
    m = torch.arange(1, num_modes + 1, dtype=torch.float64)
    shape = torch.sin(math.pi * m * strike) * torch.sin(math.pi * m * pickup)
    return torch.where(shape.abs() < 1e-12, 0.0, shape)  # at a node rounding leaves 1e-32, which breeds denormals: slow


def spectrum(turn: Tensor) -> Tensor:
    """cos(ωT/2) / (1 − (ωT/π)²) of the angle ωT [rad], as two sincs, which have no pole at ωT = π."""
    x = turn / (2 * math.pi)
    return math.pi / 4 * (torch.sinc(x - 0.5) + torch.sinc(x + 0.5))


def below_nyquist(omega: Tensor, amplitude: Tensor) -> Tensor:
    """`amplitude`, zero (and flat) where ω [rad/sample] is at or above π: each mode answers for itself."""
    return torch.where(omega < math.pi, amplitude, torch.zeros_like(amplitude))


def peak_normalize(x: Tensor) -> Tensor:
    """x / max|x|, differentiated through the sample that attains the peak; silence stays silent."""
    peak = x.gather(-1, x.detach().abs().argmax(-1, keepdim=True)).abs()
    return x / torch.where(peak > 0, peak, torch.ones_like(peak))


def modal_sum(amplitude: Tensor, omega: Tensor, sigma: Tensor, num_samples: int, dtype: torch.dtype) -> Tensor:
    """x[n] = Σ_k A_k e^{−σ_k n} sin(ω_k n),  n = 0…N−1, with ω, σ in radians and nepers per sample: [B, K] → [B, N].

    With z = e^{−σ+iω} and n = a n₁ + n₂, the sum Im Σ A z^n is the imaginary part of a product of two small complex
    matrices, A z^{a n₁} and z^{n₂}: about 2K√N exponentials in place of KN. Phases keep the precision of ω; the product
    is taken in `dtype`. Differentiable in both modes and under `torch.func`, but not twice in forward mode.
    """
    a = math.isqrt(num_samples - 1) + 1
    x: Tensor = _ModalSum.apply(amplitude, omega, sigma, -(-num_samples // a), a, dtype)  # type: ignore[no-untyped-call]
    return x[..., :num_samples]


class _ModalSum(torch.autograd.Function):
    """The sum over n₁ < b, n₂ < a, with its derivatives in closed form, ∂z^n = n z^n (−∂σ + i ∂ω): directions share the tables."""

    generate_vmap_rule = True

    @staticmethod
    def forward(A: Tensor, omega: Tensor, sigma: Tensor, b: int, a: int, dtype: torch.dtype) -> Tensor:
        return _sum(A, torch.zeros_like(A), _tables(omega, sigma, b, a, dtype))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:3])
        ctx.save_for_forward(*inputs[:3])
        ctx.shape = inputs[3:]

    @staticmethod
    def jvp(ctx: Any, dA: Tensor, domega: Tensor, dsigma: Tensor, *_: None) -> Tensor:
        A, omega, sigma = ctx.saved_tensors
        (b, a, dtype), tables = ctx.shape, _tables(omega, sigma, *ctx.shape)
        n = torch.arange(b * a, dtype=dtype, device=A.device)
        return _sum(dA, torch.zeros_like(dA), tables) + n * _sum(-A * dsigma, A * domega, tables)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        A, omega, sigma = ctx.saved_tensors
        (b, a, dtype), tables = ctx.shape, _tables(omega, sigma, *ctx.shape)
        n = torch.arange(b * a, dtype=dtype, device=A.device)
        (im, _), (n_im, n_re) = _project(g, tables), _project(n * g, tables)
        return im.to(A), A * n_re, -A * n_im, None, None, None


def _tables(omega: Tensor, sigma: Tensor, b: int, a: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """z^{a n₁} and z^{n₂}, their real and imaginary parts: [B, b, 2, K] and [B, a, 2, K]."""
    n = torch.arange(a, dtype=omega.dtype, device=omega.device)
    return _powers(omega, sigma, a * n[:b], dtype), _powers(omega, sigma, n, dtype)


def _powers(omega: Tensor, sigma: Tensor, n: Tensor, dtype: torch.dtype) -> Tensor:
    turns = n[:, None] * (omega / (2 * math.pi))[..., None, :]
    phase = 2 * math.pi * (turns - turns.round()).to(dtype)
    loss = (n[:, None] * sigma[..., None, :]).to(dtype)
    # below ε^1.5 a mode is lost in the others, and its products would be denormal numbers, a hundred times slower
    decay = torch.where(loss < -1.5 * math.log(torch.finfo(dtype).eps), torch.exp(-loss), torch.zeros_like(loss))
    return decay[..., None, :] * torch.stack([phase.cos(), phase.sin()], -2)


def _sum(p: Tensor, q: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """Σ_k p_k Im z_k^n + q_k Re z_k^n from p, q [B, K]: [B, b a]."""
    (re, im), fine = tables[0].unbind(-2), tables[1].flatten(-2)
    p, q = p.to(re)[..., None, :], q.to(re)[..., None, :]
    coarse = torch.cat([p * im + q * re, p * re - q * im], -1)
    return (coarse @ fine.mT).flatten(-2)


def _project(g: Tensor, tables: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Σ_n g[n] Im z_k^n and Σ_n g[n] Re z_k^n, the transpose of `_sum`, from g [B, b a]: two of [B, K]."""
    coarse, fine = tables
    square = g.reshape(*g.shape[:-1], coarse.shape[-3], fine.shape[-3])
    fine_re, fine_im = (square @ fine.flatten(-2)).chunk(2, -1)
    re, im = coarse.unbind(-2)
    return (im * fine_re + re * fine_im).sum(-2), (re * fine_re - im * fine_im).sum(-2)
