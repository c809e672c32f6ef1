"""Where a recording stops: with its sound, or while it still sounds."""

from __future__ import annotations

import numpy as np

FRAME = 0.025  # s of which the level is taken: a period of 40 Hz
HOP = 0.005  # s
SOUNDING = -45.0  # dB under the loudest frame: what is below it when a file stops has ended by itself
DROP = 3.0  # dB under its own decay that a fade reaches at least
BEGUN = 1.0  # dB under it, from where on a sound is faded
EARLIER = 0.15  # of a fade, before it is noticed
LONGEST = 0.4  # s of a fade that is looked for
MARGIN = 0.02  # s before a cut, which cutting, resampling and a short fade have touched
SHORTEST = 0.05  # s of sound that are left


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
