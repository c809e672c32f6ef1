"""The modulus and what its derivatives need, in plain torch. Complex numbers are handled as pairs of reals: faster than `torch.abs`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .band import Band
from .products import Filters, products


def tiny(dtype: torch.dtype) -> float:
    """The least |z| to divide by: its square is still a normal number."""
    return math.sqrt(torch.finfo(dtype).tiny)


def length(z: Tensor) -> Tensor:
    """|z|."""
    pairs = torch.view_as_real(z)
    pairs = pairs * pairs
    return (pairs[..., 0] + pairs[..., 1]).sqrt_()


def modulus(z: Tensor) -> Tensor:
    """Columns z [..., C, T] complex → |z| of column 0, then d|z| = Re(z̄ dz)/|z| along the others (0 where z = 0)."""
    size = length(z[..., :1, :])
    if z.shape[-2] == 1:
        return size
    unit = torch.view_as_real(z[..., :1, :]) / size.clamp(min=tiny(size.dtype))[..., None]
    turned = unit * torch.view_as_real(z[..., 1:, :])
    return torch.cat([size, turned[..., 0] + turned[..., 1]], -2)


def turn(z: Tensor, m: Tensor) -> None:
    """z becomes m z/|z|, 0 where z = 0: the adjoint of the derivative of |z|, applied to m."""
    torch.view_as_real(z).mul_((m / length(z).clamp_(min=tiny(m.dtype)))[..., None])


def spins(w: Tensor, alone: int) -> Tensor:
    """Products P, Q, stacked in w [2R, ...] complex → P + iQ, then P − iQ for the rows from `alone` on."""
    P, Q = w.chunk(2)
    return torch.cat([torch.add(P, Q, alpha=1j), torch.sub(P[alone:], Q[alone:], alpha=1j)])


class Loops:
    """The inner loops: z = aY ± ibY, and what becomes of it."""

    modulus = staticmethod(modulus)
    turn = staticmethod(turn)
    band = staticmethod(Band.push)

    def push(self, f: Filters, Y: Tensor, out: Tensor, total: bool) -> None:
        """Columns Y [n, C, T] complex → |z| and its derivatives into out [rows, C, T], or their sums over time onto out [rows, C, 1]."""
        for when, w in products(f, Y):
            m = modulus(spins(w, f.alone))
            if total:
                out += m.sum(-1, keepdim=True)
            else:
                out[..., when] = m

    def pull(self, w: Tensor, alone: int, m: Tensor) -> None:
        """The adjoint of the derivative on m [rows, t or 1]: the gradients of P = aY and Q = bY replace them in w [2R, 1, t]."""
        z = spins(w, alone)
        turn(z, m.expand(-1, w.shape[-1])[:, None])
        (P, Q), plus, minus = w.chunk(2), z[: len(w) // 2], z[len(w) // 2 :]
        P.copy_(plus)
        P[alone:] += minus
        torch.mul(plus, -1j, out=Q)
        Q[alone:].add_(minus, alpha=1j)
