"""The way along log-frequency, in stretches of time so short that products and modulus stay in cache.

Two real matrices a, b [R, n], one above the other, and rows Y [n, C, T] complex give P = aY and Q = bY, and z = P ± iQ: one real product
of matrices serves both spins, all columns, and real and imaginary parts, which lie side by side along time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from .modulus import Loops

CACHE = 1 << 19
"""Numbers in the products of one stretch."""
LONGEST = 512
"""Samples in one stretch, at most."""


class Filters(Protocol):
    """What the loops need: a and b [2R, n]; the first `alone` rows serve one spin, the others both: `rows` = 2R − alone outputs."""

    ab: Tensor
    alone: int

    @property
    def rows(self) -> int: ...


def real(Y: Tensor) -> Tensor:
    """Y [..., T] complex → the same memory [..., 2T]."""
    return torch.view_as_real(Y).flatten(-2)


def products(f: Filters, Y: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Y [n, C, T] complex → aY, bY [2R, C, t] complex of one stretch after another, in memory that is written again and again."""
    n, C, T = Y.shape
    t = min(LONGEST, T, 1 << max(4, int(math.log2(CACHE / (2 * C * len(f.ab))))))
    w, rows = Y.new_empty(len(f.ab), C, t), real(Y)
    flat, copy = real(w).flatten(1), rows.new_empty(n, C, 2 * t) if C > 1 else None
    for at in range(0, T, t):
        part = rows[..., 2 * at : 2 * (at + t)]
        torch.mm(f.ab, part[:, 0] if copy is None else copy.copy_(part).flatten(1), out=flat)
        yield slice(at, at + t), w


def totals(f: Filters, Y: Tensor, loops: Loops) -> Tensor:
    """Columns Y [n, C, T] → Σ|z|, then Σ d|z|, over time [rows, C, 1]."""
    out = torch.zeros(f.rows, Y.shape[1], 1, dtype=f.ab.dtype, device=Y.device)
    for _, w in products(f, Y):
        loops.push(w, f.alone, out, True)
    return out


def moduli(f: Filters, Y: Tensor, loops: Loops) -> Iterator[tuple[slice, Tensor]]:
    """Columns Y [n, C, T] → |z|, then d|z| [rows, C, t], of one stretch after another."""
    m = None
    for when, w in products(f, Y):
        m = f.ab.new_empty(f.rows, *w.shape[1:]) if m is None else m
        loops.push(w, f.alone, m, False)
        yield when, m


def adjoint(f: Filters, Y: Tensor, m: Callable[[slice], Tensor], loops: Loops) -> Tensor:
    """At Y [n, 1, T], the adjoint of the derivative of `moduli` on m(stretch) [rows, t or 1]: [n, 1, T] complex."""
    out, transposed = torch.empty_like(Y), f.ab.mT.contiguous()
    rows = real(out)[:, 0]
    for when, w in products(f, Y):
        loops.pull(w, f.alone, m(when))
        torch.mm(transposed, real(w)[:, 0], out=rows[:, 2 * when.start : 2 * when.stop])
    return out
