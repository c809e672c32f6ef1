"""Scattering along log-frequency: small dense matrices, one modulus, one average."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .filters import Wavelet, circulant, lowpass, spinned
from .geometry import Config, Geometry

CHUNK = 1 << 18
"""Elements of one block of products: it, its modulus and its sum stay in cache."""


@dataclass(frozen=True)
class Path:
    """One n_fr: its rows among the moduli, and the matrix [rows out, rows] that averages them (None: the identity)."""

    n_fr: int
    rows: slice
    average: Tensor | None
    size: int


def averaging(config: Config, geometry: Geometry, psi: Wavelet, n_max: int) -> tuple[int, np.ndarray | None, int]:
    """Of the wavelet psi: log2 of its stride, the matrix that averages its rows (None: identity), the number of rows kept."""
    k = min(psi.j, geometry.log2_stride_fr) if config.is_local_fr else psi.j
    available = geometry.padded_fr >> k
    if psi.xi == 0 or config.F == 0:
        return k, None, available if config.format == "joint" else math.ceil(n_max / 2**psi.j)
    if config.F == "global":
        return k, np.ones((1, available)), 1
    phi = lowpass(config.support_fr)
    kernel = np.fft.ifft(phi.spectrum(geometry.padded_fr).reshape(2**k, -1).sum(0)).real
    step = 2 ** (geometry.log2_stride_fr - k)
    A = kernel[(step * np.arange(available // step)[:, None] - np.arange(available)) % available]
    return k, A, len(A) if config.format == "joint" else math.ceil(n_max / 2**geometry.log2_stride_fr)


@dataclass(frozen=True)
class Frequency:
    """All wavelets along log-frequency, applied to n_max first-order rows.

    `W` stacks the real parts a over the imaginary parts b of the filters. The first `pairs` rows serve both spins:
    aY + ibY and aY − ibY; the others are used as aY + ibY alone.
    """

    W: Tensor
    pairs: int
    paths: tuple[Path, ...]

    @classmethod
    def of(cls, config: Config, geometry: Geometry, n_max: int, tolerance: float, both_spins: bool, **to: Any) -> Frequency:
        """The rows that matter by more than `tolerance`, relative to the largest."""
        psis = spinned(config.J_fr, config.Q_fr)
        positive = (len(psis) - 1) // 2
        filters, averages = [], []
        for psi in psis if both_spins else psis[: 1 + positive]:
            k, A, size = averaging(config, geometry, psi, n_max)
            filters.append(circulant(psi, geometry.padded_fr, 2**k)[:, :n_max])
            averages.append((A[:size], size) if A is not None else (None, size))
        keep = [cls.needed(w, *average, tolerance) for w, average in zip(filters, averages, strict=True)]
        twins = [
            n for n in range(1, 1 + positive) if both_spins and np.abs(filters[n] - filters[n + positive].conj()).max() < 30 * tolerance
        ]
        for n in twins:
            keep[n + positive] = keep[n]
        alone = [n for n in range(len(filters)) if n not in twins and n - positive not in twins]
        ordered = [filters[n][keep[n]] for n in [*twins, *alone]]
        pairs = sum(len(w) for w in ordered[: len(twins)])
        starts, at = {}, 0
        for n in [*twins, *(n + positive for n in twins), *alone]:
            starts[n], at = at, at + int(keep[n].sum())
        paths = []
        for n, (A, size) in enumerate(averages):
            matrix = None if A is None else torch.as_tensor(A[:, keep[n]], **to)
            paths.append(Path(n, slice(starts[n], starts[n] + int(keep[n].sum())), matrix, size))
        stacked = np.concatenate(ordered)
        return cls(torch.as_tensor(np.concatenate([stacked.real, stacked.imag]), **to), pairs, tuple(paths))

    @staticmethod
    def needed(w: np.ndarray, A: np.ndarray | None, size: int, tolerance: float) -> np.ndarray:
        """Mask of the rows of w [rows, n_max] that the kept outputs see."""
        if A is None:
            return np.arange(len(w)) < size
        weight = np.abs(w).max(1) * np.abs(A).max(0)
        return weight > tolerance * weight.max()

    def products(self, Y: Tensor) -> tuple[Tensor, Tensor]:
        """Y [n, G, C, t] complex → P = aY and Q = bY [rows, G, C, 2, t], real and imaginary parts apart."""
        planes = torch.stack([Y.real, Y.imag], -2)
        P, Q = (self.W @ planes.flatten(1)).view(2, -1, *planes.shape[1:])
        return P, Q

    def filtered(self, Y: Tensor) -> tuple[Tensor, Tensor]:
        """Real and imaginary parts [rows, G, C, t] of all the filters' outputs."""
        P, Q = self.products(Y)
        re, im = P[..., 0, :] - Q[..., 1, :], P[..., 1, :] + Q[..., 0, :]
        if not self.pairs:
            return re, im
        p = slice(self.pairs)
        re_minus, im_minus = P[p, ..., 0, :] + Q[p, ..., 1, :], P[p, ..., 1, :] - Q[p, ..., 0, :]
        return torch.cat([re[p], re_minus, re[self.pairs :]]), torch.cat([im[p], im_minus, im[self.pairs :]])

    def chunks(self, Y: Tensor) -> tuple[Tensor, ...]:
        return Y.split(max(32, CHUNK // (len(self.W) * Y[0, ..., 0].numel() * 2)), -1)

    def moduli(self, Y: Tensor) -> Tensor:
        """Columns Y [n, G, C, t] → moduli [rows, G, C, t]: |z| of column 0, directional derivatives of it along the others."""
        re, im = self.filtered(Y)
        return modulus(re, im)

    def push(self, Y: Tensor, total: bool) -> list[Tensor]:
        """Y [n, G, C, T] → per path [size, G, C, T], or [size, G, C, 1] summed over time if `total`."""
        if total:
            m = sum(self.moduli(chunk).sum(-1, keepdim=True) for chunk in self.chunks(Y))
        else:
            m = torch.cat([self.moduli(chunk) for chunk in self.chunks(Y)], -1)
        return [m[p.rows] if p.average is None else torch.tensordot(p.average, m[p.rows], 1) for p in self.paths]

    def pull(self, Y: Tensor, S: list[Tensor]) -> Tensor:
        """The adjoint at Y [n, G, 1, T] of `push` applied to S, one gradient [size, G, 1, T or 1] per path: [n, G, 1, T]."""
        m = Y.real.new_empty(2 * self.pairs + len(self.W) // 2 - self.pairs, *S[0].shape[1:])
        for p, s in zip(self.paths, S, strict=True):
            m[p.rows] = s if p.average is None else torch.tensordot(p.average.T, s, 1)
        parts, at = [], 0
        for chunk in self.chunks(Y):
            parts.append(self._pull(chunk, m if m.shape[-1] == 1 else m[..., at : at + chunk.shape[-1]]))
            at += chunk.shape[-1]
        return torch.cat(parts, -1)

    def _pull(self, Y: Tensor, m: Tensor) -> Tensor:
        re, im = self.filtered(Y)
        inverse = 1 / torch.sqrt(re * re + im * im).clamp_(min=torch.finfo(re.dtype).tiny)
        re, im = re * inverse * m, im * inverse * m
        sums, differences = zip(self._unspin(re), self._unspin(im), strict=True)
        P, Q = torch.stack(sums, -2), torch.stack([differences[1], -differences[0]], -2)
        Y = (self.W.T @ torch.cat([P, Q]).flatten(1)).view(-1, *P.shape[1:])
        return torch.complex(Y[..., 0, :], Y[..., 1, :])

    def _unspin(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Rows (+, −, alone) → the sum and the difference of the spins."""
        p, total = self.pairs, torch.cat([z[: self.pairs], z[2 * self.pairs :]])
        difference = total.clone()
        total[:p] += z[p : 2 * p]
        difference[:p] -= z[p : 2 * p]
        return total, difference


def modulus(re: Tensor, im: Tensor) -> Tensor:
    """Columns [..., C, t] → |z| of column 0 and d|z| = Re(z̄ dz)/|z| of the others, 0 where z = 0."""
    re0, im0 = re[..., :1, :], im[..., :1, :]
    size = torch.sqrt(re0 * re0 + im0 * im0)
    if re.shape[-2] == 1:
        return size
    inverse = 1 / size.clamp(min=torch.finfo(size.dtype).tiny)
    out = (re0 * inverse) * re + (im0 * inverse) * im
    out[..., :1, :] = size
    return out
