"""Where a sound begins."""

from __future__ import annotations

import numpy as np

THRESHOLD = 1e-3  # of the peak energy: −30 dB
AUDIBLE = 1e-3  # RMS, −60 dBFS: a hiss below it is not yet the sound
ATTACK = 0.05  # seconds at most from the foot of an attack to the threshold
PREROLL = 0.003  # seconds kept before the foot
EARLY = 0.01  # seconds: an onset before this is at the start


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

    def onset(self) -> int:
        """The sample where the energy first comes within 30 dB of its peak, less the rise before it and 3 ms; 0 if early."""
        mean, square = np.concatenate(self._mean), np.concatenate(self._square)
        energy = square - 2 * mean * mean.mean() + mean.mean() ** 2
        k = int(np.argmax(energy > THRESHOLD * energy.max()))
        earliest = k - ATTACK * self.sample_rate / self.frame
        while k > max(0, earliest) and energy[k - 1] < energy[k]:
            k -= 1
        start = k * self.frame - round(PREROLL * self.sample_rate)
        return start if start > EARLY * self.sample_rate else 0
