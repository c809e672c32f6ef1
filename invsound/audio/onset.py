"""Where a sound begins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

THRESHOLD = 1e-3  # of the peak energy: −30 dB
AUDIBLE = 1e-3  # RMS, −60 dBFS: a hiss below it is not yet the sound
ATTACK = 0.05  # seconds at most from the foot of an attack to the threshold
PREROLL = 0.003  # seconds kept before the foot
EARLY = 0.01  # seconds: an onset before this is at the start
LASTING = 1e-2  # an event is over when for GAP its energy is 20 dB below that of its beginning
GAP = 20  # ms
CLICK = 10  # ms at most, which is a click if what follows lasts LONGER times as long, and has a tenth of its energy
LONGER = 5
WEAK = 1e-2  # an event that is followed by one with a hundred times its energy is not the sound


class Onset(NamedTuple):
    """The sample where a sound begins, and what is before it and no part of it: clicks and weak sounds, from sample to sample."""

    start: int = 0
    ignored: tuple[tuple[int, int], ...] = ()


class Envelope:
    """The short-time energy of a sound given block by block: its variance around the overall mean, in frames of 1 ms.

    Two numbers are kept per millisecond, however long the sound. A block has `block` samples; the last may be short.
    """

    def __init__(self, sample_rate: float) -> None:
        self.sample_rate = sample_rate
        self.frame = max(1, round(sample_rate / 1000))
        self.block = 1024 * self.frame
        self.audible_seconds = 0.0  # since the first audible block
        self._mean: list[np.ndarray] = []
        self._square: list[np.ndarray] = []

    def append(self, x: np.ndarray) -> None:
        starts = np.arange(0, len(x), self.frame)
        lengths = np.diff(starts, append=len(x))
        self._mean.append(np.add.reduceat(x, starts) / lengths)
        self._square.append(np.add.reduceat(x**2, starts) / lengths)
        if self.audible_seconds or x.std() > AUDIBLE:
            self.audible_seconds += len(x) / self.sample_rate

    def onset(self) -> Onset:
        """Where the energy first comes within 30 dB of its peak, strays apart, less the rise before it and 3 ms; 0 if early."""
        mean, square = np.concatenate(self._mean), np.concatenate(self._square)
        energy = square - 2 * mean * mean.mean() + mean.mean() ** 2
        ignored: list[tuple[int, int]] = []
        k = begin = 0
        while True:
            k = begin + _first(energy[begin:])
            end = _end(energy, k)
            if not _stray(energy, k, end):
                break
            ignored.append((k * self.frame, end * self.frame))
            begin = end
        earliest = max(begin, k - ATTACK * self.sample_rate / self.frame)
        while k > earliest and energy[k - 1] < energy[k]:
            k -= 1
        start = max(begin * self.frame, k * self.frame - round(PREROLL * self.sample_rate))
        return Onset(start if start > EARLY * self.sample_rate else 0, tuple(ignored))


def _first(energy: np.ndarray) -> int:
    return int(np.argmax(energy > THRESHOLD * energy.max()))


def _end(energy: np.ndarray, k: int) -> int:
    """The frame where the event that begins in frame k is over."""
    loud = np.flatnonzero(energy[k:] >= LASTING * energy[k : k + CLICK].max())
    gap = np.flatnonzero(np.diff(loud) > GAP)
    return k + int(loud[gap[0] if len(gap) else -1]) + 1


def _stray(energy: np.ndarray, k: int, end: int) -> bool:
    """Whether the event in frames k to `end` is a click before the sound, or far weaker than it."""
    if len(energy) - end < GAP:
        return False
    later = end + int(np.argmax(np.convolve(energy[end:], np.ones(GAP), "valid")))
    last = _end(energy, later)
    event, sound = float(energy[k:end].sum()), float(energy[later:last].sum())
    click = end - k <= CLICK and last - later >= LONGER * (end - k) and sound > event / 10
    return click or event < WEAK * sound
