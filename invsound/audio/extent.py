"""Where a sound begins in a recording, and where the recording stops: with its sound, or while it still sounds."""

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

FRAME = 0.025  # s of which the level is taken: a period of 40 Hz
HOP = 0.005  # s
SOUNDING = -45.0  # dB under the loudest frame: what is below it when a file stops has ended by itself
DROP = 3.0  # dB under its own decay that a fade reaches at least
BEGUN = 1.0  # dB under it, from where on a sound is faded
EARLIER = 0.15  # of a fade, before it is noticed
LONGEST = 0.4  # s of a fade that is looked for
MARGIN = 0.02  # s before a cut, which cutting, resampling and a short fade have touched
SHORTEST = 0.05  # s of sound that are left


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


def ending(x: np.ndarray, sample_rate: float) -> int | None:
    """How many samples of x [n] are the sound's own, where it is cut or faded out while it still sounds; None where it ends by itself.

    A free decay is a sum of exponentials: its level in dB is convex in time, and never below the line through an earlier part. Where the
    level falls below every such line until the file stops, the sound is faded from there on.
    """
    last = np.flatnonzero(np.abs(x) > 1e-5 * np.abs(x).max(initial=0.0))
    x = x[: last[-1] + 1] if len(last) else x[:0]
    hop, frame = round(HOP * sample_rate), round(FRAME * sample_rate)
    level = _levels(x, frame, hop)
    if len(level) < 8:
        return None
    loudest = int(level.argmax())
    faded = [k for width in _widths(len(level) - loudest) if (k := _faded(level, width)) is not None]
    k = min([*faded, len(level) - 1])
    if level[k] < level.max() + SOUNDING:
        return None
    attack, fade = (len(x) - frame - hop * (len(level) - 1 - k) for k in (loudest, k))
    end = fade - round(EARLIER * (len(x) - fade)) if faded else len(x) - round(MARGIN * sample_rate)
    return end if end >= attack + SHORTEST * sample_rate else None


def _levels(x: np.ndarray, frame: int, hop: int) -> np.ndarray:
    """Mean energy in dB of frames whose last one ends with x, earliest first."""
    total = np.concatenate([[0.0], np.cumsum(np.square(x, dtype=float))])
    ends = np.arange(len(x), frame - 1, -hop)[::-1]
    energy: np.ndarray = (total[ends] - total[ends - frame]) / frame
    return np.asarray(10 * np.log10(energy + 1e-30))


def _widths(most: int) -> list[int]:
    """Frames, a half-octave apart."""
    return sorted({round(LONGEST / HOP * 2 ** (-k / 2)) for k in range(8)} & set(range(3, most // 2)))


def _faded(level: np.ndarray, width: int) -> int | None:
    """The frame at which the last `width` ones begin to fall below the line through as many before them, if they do until the end."""
    k = np.arange(-width, width)
    before, after = level[-2 * width : -width], level[-width:]
    slope, offset = np.polyfit(k[:width], before, 1)
    below = np.minimum(slope, 0.0) * k[width:] + offset - after
    begun = int(np.flatnonzero(below <= BEGUN).max(initial=-1)) + 1
    falls = len(below) - begun >= 2 and below[-1] >= DROP and bool((np.diff(below[begun:]) > -BEGUN).all())
    return len(level) - width + begun - 1 if falls else None
