"""How loud each band is, soon and late: what a search compares first, to learn from."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from invsound import Feature, timbre_and_pitch


@dataclass
class TimbreOptions:
    """Options of timbre: there are none."""


class Timbre(Feature):
    """`invsound.timbre_and_pitch`, x [B, N] → S [B, D]: log(1 + 10³ B), B being the mean magnitude in sixths of octaves, and in semitones
    by a longer window, over 0–N/256, –N/64, –N/16, –N/4 and –N.

    A fortieth of the joint time–frequency scattering transform in time, and near to it in what is near: what a search compares first.
    """

    Options = TimbreOptions

    def forward(self, x: Tensor) -> Tensor:
        if not len(x):  # which an FFT refuses
            return self(x.new_zeros(1, x.shape[-1]))[:0]  # type: ignore[no-any-return]
        return timbre_and_pitch(x, self.signal.sample_rate)
