"""The inner loops along log-frequency, in stretches of time so short that products, modulus and sum stay in cache.

Two real matrices a, b [R, n] and rows Y [n, ..., T] complex give z = aY ± ibY. Real and imaginary parts lie apart, [n, ..., 2, t], so that
one real product of matrices serves all columns; buffers are allocated once and written again and again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

CACHE = 1 << 19
"""Numbers in the buffers of one stretch."""
WIDTH = 320
"""Samples of all tangents in one product of matrices."""


class Filters(Protocol):
    """What the loops need: a, b [R, n]; the first `alone` rows serve one spin, the others both: `rows` = 2R − alone outputs."""

    a: Tensor
    b: Tensor
    alone: int

    @property
    def rows(self) -> int: ...


def power_of_two(x: float, most: int) -> int:
    """The largest one up to x, but at least 16 and at most `most`."""
    return min(most, 1 << max(4, int(math.log2(x))))


class Planes:
    """Y and iY as real numbers [2, ..., 2, t], from Y [..., t] complex."""

    def __init__(self, Y: Tensor) -> None:
        self.plain, self.turned = Y.real.new_empty(2, *Y.shape[:-1], 2, Y.shape[-1])
        self.re, self.im = self.plain.unbind(-2)
        self.turned_re, self.turned_im = self.turned.unbind(-2)

    def load(self, Y: Tensor) -> Planes:
        self.re.copy_(Y.real)
        self.im.copy_(Y.imag)
        torch.neg(self.im, out=self.turned_re)
        self.turned_im.copy_(self.re)
        return self


class Buffers:
    """Products aY, ibY [R, C·2·t] and outputs z [rows, C·2·t] for planes [n, C, 2, t]."""

    def __init__(self, f: Filters, Y: Tensor) -> None:
        self.f, self.shape = f, Y.shape[1:]
        self.aY, self.ibY = Y.new_empty(2, len(f.a), self.shape.numel())
        self.z = Y.new_empty(f.rows, self.shape.numel())
        self.m = Y.new_empty(f.rows, self.shape.numel() // 2)
        self.re, self.im = self.z.view(-1, *self.shape).unbind(-2)
        self.square = self.m.view(self.re.shape)
        self.inverse = torch.empty_like(self.square)
        self.plus, self.minus = self.z[: len(f.a)], self.z[len(f.a) :]
        self.a_both, self.b_both = self.aY[f.alone :], self.ibY[f.alone :]

    def multiply(self, Y: Tensor, iY: Tensor) -> None:
        torch.mm(self.f.a, Y.flatten(1), out=self.aY)
        torch.mm(self.f.b, iY.flatten(1), out=self.ibY)

    def filter(self, Y: Tensor, iY: Tensor) -> None:
        """z = aY + ibY for all rows, then aY − ibY for those of both spins."""
        self.multiply(Y, iY)
        torch.add(self.aY, self.ibY, out=self.plus)
        torch.sub(self.a_both, self.b_both, out=self.minus)

    def modulus(self) -> Tensor:
        """|z| [rows, C, t]."""
        return torch.mul(self.re, self.re, out=self.square).addcmul_(self.im, self.im).sqrt_()

    def normalize(self) -> Tensor:
        """z becomes z/|z|, 0 where z = 0; |z| [rows, C, t] is returned."""
        size = self.modulus()
        torch.clamp(size, min=torch.finfo(size.dtype).tiny, out=self.inverse).reciprocal_()
        self.z.view(-1, *self.shape).mul_(self.inverse.unsqueeze(-2))
        return size


def stretches(f: Filters, Y: Tensor) -> Iterator[tuple[slice, Planes]]:
    """Y [n, C, T] complex → planes [n, C, 2, t] of one stretch after another."""
    t = power_of_two(CACHE / (Y.shape[1] * (4 * len(f.a) + 3 * f.rows)), Y.shape[-1])
    planes = Planes(Y[..., :t])
    for at in range(0, Y.shape[-1], t):
        when = slice(at, at + t)
        yield when, planes.load(Y[..., when])


def totals(f: Filters, Y: Tensor) -> Tensor:
    """Y [n, 1, T] → Σ|z| over time [rows, 1]."""
    out, buffers, ones = Y.real.new_zeros(f.rows), None, Y.real.new_ones(Y.shape[-1])
    for when, planes in stretches(f, Y):
        buffers = buffers or Buffers(f, planes.plain)
        buffers.filter(planes.plain, planes.turned)
        buffers.modulus()
        out.addmv_(buffers.m, ones[when])
    return out[:, None]


def total_derivatives(f: Filters, Y: Tensor) -> Tensor:
    """Columns Y [n, 1 + P, T] → Σ|z|, then Σ d|z|, over time [rows, 1 + P].

    The phases z/|z| of column 0 meet aY and ibY of the others before the spins part, as products of small matrices: no d|z| is ever formed.
    """
    R, P, T = len(f.a), Y.shape[1] - 1, Y.shape[-1]
    t = power_of_two(WIDTH / P, T)
    s = max(1, power_of_two(CACHE / (4 * R + 3 * f.rows), T) // t)
    Y = Y.unflatten(-1, (-1, s, t))
    sound, tangents = Planes(Y[:, 0, 0]), Planes(Y[:, 1:, 0].movedim(2, 0))
    phases, products = Buffers(f, sound.plain), Buffers(f, tangents.plain[0])
    both = R - f.alone
    units = [(u[: f.alone, None], u[f.alone :].unflatten(0, (2, both)).transpose(0, 1)) for u in phases.z.view(-1, s, 2 * t).unbind(1)]
    planes = list(zip(tangents.plain, tangents.turned, units, strict=True))
    own, ones = Y.real.new_zeros(f.rows), Y.real.new_ones(s * t)
    one, two = Y.real.new_zeros(2, f.alone, 1, P), Y.real.new_zeros(2, both, 2, P)
    parts = [(product[: f.alone], product[f.alone :]) for product in (w.view(R, P, 2 * t).mT for w in (products.aY, products.ibY))]
    sums = list(zip(parts, one, two, strict=True))
    for i in range(Y.shape[2]):
        sound.load(Y[:, 0, i])
        tangents.load(Y[:, 1:, i].movedim(2, 0))
        phases.filter(sound.plain, sound.turned)
        phases.normalize()
        own.addmv_(phases.m, ones)
        for plain, turned, (alone, spins) in planes:
            products.multiply(plain, turned)
            for (first, rest), sum_one, sum_two in sums:
                sum_one.baddbmm_(alone, first)
                sum_two.baddbmm_(spins, rest)
    return torch.cat([own[:, None], torch.cat([one.sum(0)[:, 0], two.sum(0)[:, 0], (two[0] - two[1])[:, 1]])], 1)


def moduli(f: Filters, Y: Tensor) -> Tensor:
    """Y [n, 1, T] → |z| [rows, 1, T]."""
    out, buffers = Y.real.new_empty(f.rows, 1, Y.shape[-1]), None
    for when, planes in stretches(f, Y):
        buffers = buffers or Buffers(f, planes.plain)
        buffers.filter(planes.plain, planes.turned)
        out[..., when] = buffers.modulus()
    return out


def derivatives(f: Filters, Y: Tensor) -> Tensor:
    """Columns Y [n, 1 + P, T] → |z|, then d|z| [rows, 1 + P, T]."""
    out, phases, others = Y.real.new_empty(f.rows, *Y.shape[1:]), None, None
    for when, planes in stretches(f, Y):
        phases = phases or Buffers(f, planes.plain[:, :1])
        others = others or Buffers(f, planes.plain[:, 1:])
        phases.filter(planes.plain[:, :1], planes.turned[:, :1])
        out[:, :1, when] = phases.normalize()
        others.filter(planes.plain[:, 1:], planes.turned[:, 1:])
        torch.mul(others.re, phases.re, out=out[:, 1:, when]).addcmul_(others.im, phases.im)
    return out


def adjoint(f: Filters, Y: Tensor, m: Tensor) -> Tensor:
    """At Y [n, 1, T], the adjoint of `moduli` on m [rows, T], or of `totals` on m [rows, 1]: [n, 1, T] complex."""
    out, buffers = torch.empty_like(Y), None
    for when, planes in stretches(f, Y):
        buffers = buffers or Buffers(f, planes.plain)
        buffers.filter(planes.plain, planes.turned)
        buffers.normalize()
        buffers.z.view(f.rows, 2, -1).mul_((m if m.shape[1] == 1 else m[:, when]).unsqueeze(1))
        buffers.aY.copy_(buffers.plus)
        buffers.ibY.copy_(buffers.plus)
        buffers.a_both.add_(buffers.minus)
        buffers.b_both.sub_(buffers.minus)
        plain, turned = (torch.mm(w.T, z).view(len(Y), 1, 2, -1) for w, z in ((f.a, buffers.aY), (f.b, buffers.ibY)))
        out[..., when] = torch.complex(plain[..., 0, :] + turned[..., 1, :], plain[..., 1, :] - turned[..., 0, :])
    return out
