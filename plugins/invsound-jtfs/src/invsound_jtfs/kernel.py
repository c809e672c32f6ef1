"""The way along log-frequency: columns Y [n, C, T] complex → the moduli of all wavelets, or their sums over time, and the adjoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .modulus import Loops
from .products import Filters, products, real, stretches


def totals(f: Filters, Y: Tensor, loops: Loops) -> Tensor:
    """Columns Y [n, C, T] → Σ|z|, then Σ d|z|, over time [rows, C, 1]."""
    out = torch.zeros(f.rows, Y.shape[1], 1, dtype=f.ab.dtype, device=Y.device)
    loops.push(f, Y, out, True)
    return out


def moduli(f: Filters, Y: Tensor, loops: Loops) -> Iterator[tuple[slice, Tensor]]:
    """Columns Y [n, C, T] → |z|, then d|z| [rows, C, t], of one stretch after another, in memory that is written again and again."""
    whens = stretches(f, Y)
    m = f.ab.new_empty(f.rows, Y.shape[1], whens[0].stop)
    for when in whens:
        loops.push(f, Y[..., when], m, False)
        yield when, m


def adjoint(f: Filters, Y: Tensor, m: Callable[[slice], Tensor], loops: Loops) -> Tensor:
    """At Y [n, 1, T], the adjoint of the derivative of `moduli` on m(stretch) [rows, t or 1]: [n, 1, T] complex."""
    out, transposed = torch.empty_like(Y), f.ab.mT.contiguous()
    rows = real(out)[:, 0]
    for when, w in products(f, Y):
        loops.pull(w, f.alone, m(when))
        torch.mm(transposed, real(w)[:, 0], out=rows[:, 2 * when.start : 2 * when.stop])
    return out
