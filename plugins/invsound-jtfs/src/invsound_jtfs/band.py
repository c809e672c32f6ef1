"""Filtering with subsampling, in the Fourier domain, on the few bins where the filter is not negligible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .products import real


def window(psi: np.ndarray, tolerance: float) -> tuple[int, np.ndarray]:
    """The shortest circular run of bins outside which |psi| ≤ tolerance · max|psi|: first bin (negative if it wraps), values."""
    kept = np.flatnonzero(np.abs(psi) > tolerance * np.abs(psi).max())
    gaps = np.diff(np.append(kept, kept[0] + len(psi)))
    widest = int(gaps.argmax())
    first, length = int(kept[(widest + 1) % len(kept)]), len(psi) - int(gaps[widest]) + 1
    first -= len(psi) if first + length > len(psi) else 0
    return first, psi[np.arange(first, first + length) % len(psi)]


@dataclass(frozen=True)
class Piece:
    """A run of bins: out[target] = weight · spectrum[source], conjugated and reversed if `mirror`.

    `weight` holds two numbers for each bin, which multiply its real and its imaginary part: a product of reals, of the same sign unless
    `mirror`, is several times as fast as one of complex numbers.
    """

    target: slice
    source: slice
    mirror: bool
    weight: Tensor

    def turned(self, bins: Tensor) -> Tensor:
        return bins.flip(-1) if self.mirror else bins


@dataclass(frozen=True)
class Band:
    """A filter from half spectra (`torch.fft.rfft` of `source` real samples) to full spectra of `target` samples.

    Bin k goes to (k − shift) mod target: a shift modulates the output, to which the modulus is blind.
    """

    pieces: tuple[Piece, ...]
    filled: int
    folded: bool
    places: Tensor
    """Of each piece, for loops in C: where it goes, where it comes from, how many bins, whether it is mirrored."""
    weights: Tensor
    """Of all pieces."""

    @classmethod
    def of(cls, first: int, weights: np.ndarray, source: int, target: int, shift: int, **to: Any) -> Band:
        """From weights of bins first, first + 1, …, for `torch.fft.ifft` of the result to be the subsampled convolution."""
        half, last = source // 2, first + len(weights)
        inner = np.arange(first + 1, last)
        cuts = inner[np.isin(inner % source, (0, half + 1)) | ((inner - shift) % target == 0)].tolist()
        pieces = []
        for k, stop in zip([first, *cuts], [*cuts, last], strict=True):
            n, at, low = stop - k, (k - shift) % target, k % source
            mirror = low > half
            begin = source - low - n + 1 if mirror else low
            pairs = np.outer(weights[k - first : stop - first] * (target / source), (1, -1 if mirror else 1)).ravel()
            pieces.append(Piece(slice(at, at + n), slice(begin, begin + n), mirror, torch.as_tensor(pairs, **to)))
        folded = len(weights) > target
        places = [(p.target.start, p.source.start, p.source.stop - p.source.start, p.mirror) for p in pieces]
        filled, together = 0 if folded or shift != first else len(weights), torch.cat([piece.weight for piece in pieces])
        return cls(tuple(pieces), filled, folded, torch.tensor(places), together)

    @property
    def bins(self) -> int:
        """How many of the first bins of the half spectrum are used."""
        return max(piece.source.stop for piece in self.pieces)

    def push(self, spectrum: Tensor, out: Tensor) -> Tensor:
        """Half spectra [..., source/2 + 1] → full spectra `out` [..., target], overwritten."""
        out[..., self.filled :] = 0
        for piece in self.pieces:
            bins, into = piece.turned(spectrum[..., piece.source]), real(out[..., piece.target])
            if self.folded:
                into += real(bins) * piece.weight
            else:
                torch.mul(real(bins), piece.weight, out=into)
        return out

    def pull(self, out: Tensor, spectrum: Tensor) -> None:
        """The adjoint of `push` for the inner product Re Σ āb: adds to `spectrum`."""
        for piece in self.pieces:
            bins = real(out[..., piece.target]) * piece.weight
            spectrum[..., piece.source] += piece.turned(torch.view_as_complex(bins.unflatten(-1, (-1, 2))))
