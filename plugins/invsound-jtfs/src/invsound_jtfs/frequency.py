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
from .kernel import adjoint, derivatives, moduli, total_derivatives, totals


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

    Real parts `a` and imaginary parts `b` [rows, n_max] of the filters. The first `alone` rows are used as aY + ibY; the others serve both
    spins, aY + ibY and aY − ibY. Outputs are stacked in this order: alone, positive spins, negative spins.
    """

    a: Tensor
    b: Tensor
    alone: int
    paths: tuple[Path, ...]

    @classmethod
    def of(cls, config: Config, geometry: Geometry, n_max: int, tolerance: float, both_spins: bool, **to: Any) -> Frequency:
        """Only rows that matter by more than `tolerance`, relative to the largest."""
        psis = spinned(config.J_fr, config.Q_fr)
        half = len(psis) // 2
        psis = psis if both_spins else psis[: 1 + half]
        plans = [averaging(config, geometry, psi, n_max) for psi in psis]
        filters = [circulant(psi, geometry.padded_fr, 2**k)[:, :n_max] for psi, (k, _, _) in zip(psis, plans, strict=True)]
        keep = [needed(w, A, size, tolerance) for w, (_, A, size) in zip(filters, plans, strict=True)]
        twins = [n for n in range(1, 1 + half) if both_spins and np.abs(filters[n] - filters[n + half].conj()).max() < 30 * tolerance]
        for n in twins:
            keep[n + half] = keep[n]
        alone = [n for n in range(len(psis)) if n not in twins and n - half not in twins]
        order, rows = [*alone, *twins, *(n + half for n in twins)], {}
        for n in order:
            start = max((rows[m].stop for m in rows), default=0)
            rows[n] = slice(start, start + int(keep[n].sum()))
        stacked = np.concatenate([filters[n][keep[n]] for n in [*alone, *twins]])
        a, b = torch.as_tensor(stacked.real.copy(), **to), torch.as_tensor(stacked.imag.copy(), **to)
        paths = [
            Path(n, rows[n], None if A is None else torch.as_tensor(A[:size, keep[n]].copy(), **to), size)
            for n, (_, A, size) in enumerate(plans)
        ]
        return cls(a, b, sum(int(keep[n].sum()) for n in alone), tuple(paths))

    @property
    def rows(self) -> int:
        return 2 * len(self.a) - self.alone

    def push(self, Y: Tensor, total: bool) -> list[Tensor]:
        """Columns Y [n, C, T] → per path [size, C, T], or [size, C, 1] summed over time if `total`."""
        if total:
            m = totals(self, Y)[..., None] if Y.shape[1] == 1 else total_derivatives(self, Y)[..., None]
        else:
            m = moduli(self, Y) if Y.shape[1] == 1 else derivatives(self, Y)
        return [m[p.rows] if p.average is None else torch.tensordot(p.average, m[p.rows], 1) for p in self.paths]

    def pull(self, Y: Tensor, S: list[Tensor]) -> Tensor:
        """The adjoint at Y [n, 1, T] of `push` applied to S, one gradient [size, 1, T or 1] per path: [n, 1, T]."""
        m = Y.real.new_empty(self.rows, *S[0].shape[1:])
        for p, s in zip(self.paths, S, strict=True):
            m[p.rows] = s if p.average is None else torch.tensordot(p.average.T, s, 1)
        return adjoint(self, Y, m[:, 0])


def needed(w: np.ndarray, A: np.ndarray | None, size: int, tolerance: float) -> np.ndarray:
    """Mask of the rows of w [rows, n_max] that the `size` kept outputs see."""
    if A is None:
        return np.arange(len(w)) < size
    weight = np.abs(w).max(1) * np.abs(A[:size]).max(0)
    return weight > tolerance * weight.max()
