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
from .kernel import adjoint, moduli, totals
from .lowpass import Lowpass
from .modulus import Loops
from .native import loops
from .products import Filters


@dataclass(frozen=True)
class Path:
    """One n_fr: its rows among the moduli, and the matrix [rows out, rows] that averages them (None: the identity)."""

    n_fr: int
    rows: slice
    average: Tensor | None
    size: int

    def push(self, m: Tensor) -> Tensor:
        """Moduli [rows of all paths, C, t] → this path [size, C, t]."""
        m = m[self.rows]
        return m if self.average is None else (self.average @ m.flatten(1)).view(self.size, *m.shape[1:])


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

    Real parts a [R, n_max] of the filters above their imaginary parts b. The first `alone` rows are used as aY + ibY; the others serve both
    spins, aY + ibY and aY − ibY. Outputs are stacked in this order: alone, positive spins, negative spins.
    """

    filters: Filters
    paths: tuple[Path, ...]
    loops: Loops

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
        pairs = Filters.of(stacked, sum(int(keep[n].sum()) for n in alone), tolerance, **to)
        paths = [
            Path(n, rows[n], None if A is None else torch.as_tensor(A[:size, keep[n]].copy(), **to), size)
            for n, (_, A, size) in enumerate(plans)
        ]
        return cls(pairs, tuple(paths), loops(pairs.ab.dtype, pairs.ab.device, config.compile))

    def push(self, Y: Tensor, total: bool, lowpass: Lowpass | None = None) -> list[Tensor]:
        """Columns Y [n, C, T] → per path [size, C, T]: summed over time if `total`, else averaged if there is a low-pass filter."""
        if total:
            m = totals(self.filters, Y, self.loops)
        elif lowpass:
            m = lowpass.push(moduli(self.filters, Y, self.loops), self.filters.rows, Y.shape[1])
        else:
            out = [Y.real.new_empty(path.size, *Y.shape[1:]) for path in self.paths]
            for when, m in moduli(self.filters, Y, self.loops):
                for path, s in zip(self.paths, out, strict=True):
                    s[..., when] = path.push(m)
            return out
        return [path.push(m) for path in self.paths]

    def pull(self, Y: Tensor, S: list[Tensor], lowpass: Lowpass | None = None) -> Tensor:
        """The adjoint at Y [n, 1, T] of `push` applied to S, one gradient [size, 1, T, frames or 1] per path: [n, 1, T]."""
        if lowpass or S[0].shape[-1] == 1:
            m = self.pull_paths(S)
            return adjoint(self.filters, Y, lowpass.pull(m) if lowpass else lambda _: m, self.loops)
        return adjoint(self.filters, Y, lambda when: self.pull_paths([s[..., when] for s in S]), self.loops)

    def pull_paths(self, S: list[Tensor]) -> Tensor:
        """One gradient [size, 1, t] per path → of the moduli [rows, t]."""
        m = S[0].new_empty(self.filters.rows, S[0].shape[-1])
        for path, s in zip(self.paths, S, strict=True):
            m[path.rows] = s[:, 0] if path.average is None else path.average.T @ s[:, 0]
        return m


def needed(w: np.ndarray, A: np.ndarray | None, size: int, tolerance: float) -> np.ndarray:
    """Mask of the rows of w [rows, n_max] that the `size` kept outputs see."""
    if A is None:
        return np.arange(len(w)) < size
    weight = np.abs(w).max(1) * np.abs(A[:size]).max(0)
    return weight > tolerance * weight.max()
