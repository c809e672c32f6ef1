"""The local average over time, of moduli that come in stretches: none of them is ever stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .products import LONGEST


@dataclass(frozen=True)
class Lowpass:
    """A circular convolution, subsampled by `step`: frames [..., F] of samples [..., T].

    A matrix [L, frames] takes L samples to the frames around them, `margin` to the left and right; being the same for all, it serves
    every stretch. The frames of stretches overlap: they add up on a line that is `margin` longer at its ends, and wrapped at last.
    """

    matrix: Tensor
    step: int
    margin: int
    wrap: Tensor
    frames: int

    @classmethod
    def of(cls, first: int, weights: np.ndarray, source: int, target: int, tolerance: float, **to: Any) -> Lowpass:
        """From weights of bins first, first + 1, … of the Fourier transform of `source` samples; taps below `tolerance` are left out."""
        spectrum, step = np.zeros(source, dtype=complex), source // target
        np.add.at(spectrum, np.arange(first, first + len(weights)) % source, weights)
        h = np.fft.ifft(spectrum).real
        lags = (np.arange(source) + source // 2) % source - source // 2
        reach = np.abs(lags[np.abs(h) > tolerance * np.abs(h).max()]).max()
        margin, L = int(reach) // step + 1, min(source, max(step, LONGEST))
        lag = step * (np.arange(L // step + 2 * margin) - margin) - np.arange(L)[:, None]
        inside = (lag >= -(source // 2)) & (lag < source - source // 2)
        matrix = torch.as_tensor(np.where(inside, h[lag % source], 0.0), **to)
        wrap = torch.arange(-margin, target + margin, device=matrix.device) % target
        return cls(matrix, step, margin, wrap, target)

    def meet(self, when: slice, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Of one stretch: its rows of the matrix, and a view of the frames [..., F + 2 margin] it meets."""
        start, stop = when.start % len(self.matrix), when.start % len(self.matrix) + when.stop - when.start
        first, last = start // self.step, -(-stop // self.step) + 2 * self.margin
        at = (when.start - start) // self.step
        return self.matrix[start:stop, first:last], frames[..., at + first : at + last]

    def push(self, moduli: Iterable[tuple[slice, Tensor]], rows: int, C: int) -> Tensor:
        """Stretches [rows, C, t] → frames [rows, C, F]."""
        line = self.matrix.new_zeros(rows * C, len(self.wrap))
        for when, m in moduli:
            matrix, frames = self.meet(when, line)
            frames.addmm_(m.flatten(0, 1), matrix)
        return self.matrix.new_zeros(rows * C, self.frames).index_add_(1, self.wrap, line).view(rows, C, -1)

    def pull(self, frames: Tensor) -> Callable[[slice], Tensor]:
        """The adjoint: gradients of frames [rows, F] → a function that gives those of a stretch [rows, t]."""
        line = frames[:, self.wrap]

        def stretch(when: slice) -> Tensor:
            matrix, met = self.meet(when, line)
            return met @ matrix.mT

        return stretch
