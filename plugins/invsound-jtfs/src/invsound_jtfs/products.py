"""Products with the filters along log-frequency, in stretches of time so short that they stay in cache.

Two real matrices a, b [R, n], one above the other, and rows Y [n, C, T] complex give P = aY and Q = bY, and z = P ± iQ: one real product
of matrices serves both spins, all columns, and real and imaginary parts, which lie side by side along time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

CACHE = 1 << 19
"""Numbers in the products of one stretch."""
LONGEST = 512
"""Samples in one stretch, at most."""


@dataclass(frozen=True)
class Filters:
    """a above b [2R, n]; the first `alone` rows serve one spin, the others both. Outside its span [R, 2] a row of both is negligible."""

    ab: Tensor
    alone: int
    spans: Tensor

    @classmethod
    def of(cls, rows: np.ndarray, alone: int, tolerance: float, **to: Any) -> Filters:
        """From rows [R, n] complex, of which those numbers are negligible that are `tolerance` of their row's largest, or less."""
        size, n = np.abs(rows), rows.shape[1]
        kept = size > tolerance * size.max(1, keepdims=True)
        spans = np.stack([kept.argmax(1), n - kept[:, ::-1].argmax(1)], 1)
        return cls(torch.as_tensor(np.concatenate([rows.real, rows.imag]), **to), alone, torch.as_tensor(spans))

    @property
    def rows(self) -> int:
        """Outputs: R of the positive spin, R − `alone` of the negative."""
        return len(self.ab) - self.alone


def real(Y: Tensor) -> Tensor:
    """Y [..., T] complex → the same memory [..., 2T]."""
    return torch.view_as_real(Y).flatten(-2)


def stretches(f: Filters, Y: Tensor) -> list[slice]:
    """The time of Y [n, C, T], one stretch after another; T is a power of two, and so is their length."""
    _, C, T = Y.shape
    t = min(LONGEST, T, 1 << max(4, int(math.log2(CACHE / (2 * C * len(f.ab))))))
    return [slice(at, at + t) for at in range(0, T, t)]


def products(f: Filters, Y: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Y [n, C, T] complex → aY, bY [2R, C, t] complex of one stretch after another, in memory that is written again and again."""
    rows, whens = real(Y), stretches(f, Y)
    n, C, t = *Y.shape[:2], whens[0].stop
    w, copy = Y.new_empty(len(f.ab), C, t), rows.new_empty(n, C, 2 * t) if C > 1 else None
    for when in whens:
        part = rows[..., 2 * when.start : 2 * when.stop]
        torch.mm(f.ab, part[:, 0] if copy is None else copy.copy_(part).flatten(1), out=real(w).flatten(1))
        yield when, w
