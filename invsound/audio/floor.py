"""The noise of a recording, which its sound comes out of and dies away into."""

from __future__ import annotations

import numpy as np
import soxr

from ..signal import Signal
from .mono import Mono

FRAME = 1024  # samples of a spectrum
BEFORE = 1.0  # s before the onset that are listened to
GUARD = 0.02  # s before the onset that may be its own, and after a click
SHORTEST = 0.05  # s of noise before the onset that count
LATE = 0.4  # s at the end of the file, which are noise if one half is as loud as the other
STEADY = 0.5  # dB; a sound falls more in a half, by 8.7 dB in its decay time
FAINT, LOUD = -85.0, -15.0  # dB under the peak: a floor is between


def floor(x: np.ndarray, sample_rate: float, before: np.ndarray) -> np.ndarray | None:
    """Noise [n] as loud and as coloured as that of a recording x [n], which comes after `before` [m]; None where there is none.

    Its spectrum is `_welch`'s of what lies before the onset, else of the end of the decay; tones in it are left out. It is drawn from one
    seed: equal recordings have equal noise.
    """
    power = _welch(before) if len(before) >= max(SHORTEST * sample_rate, 2) else _late(x, sample_rate)
    level = _decibels(power.mean()) - _decibels(np.square(np.abs(x).max(initial=0.0)))
    if not FAINT < level < LOUD:
        return None
    n = len(x) + FRAME
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(n))
    spectrum *= np.sqrt(np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, len(power)), power))
    return np.asarray(np.fft.irfft(spectrum, n)[: len(x)])


def under(x: np.ndarray, signal: Signal, mono: Mono, start: int, clear: int) -> np.ndarray | None:
    """`floor` [N] of x [N], which was read from sample `start` of a source, and is silent where that has ended.

    Before `start` it is clear of other sounds from the sample `clear` on.
    """
    rate = mono.source.sample_rate
    end = start - round(GUARD * rate)
    begin = max(0, end - round(BEFORE * rate), clear + round(GUARD * rate) if clear else 0)
    before = mono.read(begin, end - begin) if end > begin else np.empty(0)
    if rate != signal.sample_rate and len(before):
        before = soxr.resample(before, rate, signal.sample_rate, quality="HQ")
    n = min(len(x), round((mono.source.frames - start) / rate * signal.sample_rate))
    noise = floor(x[:n], signal.sample_rate, before)
    return None if noise is None else np.pad(noise, (0, len(x) - n))


def told(noise: np.ndarray, peak: float) -> str:
    """What is said of it."""
    level = _decibels(np.square(peak)) - _decibels(np.mean(np.square(noise[noise != 0])))
    return f"noise floor {level:.0f} dB under the peak: compared above it"


def _late(x: np.ndarray, sample_rate: float) -> np.ndarray:
    """The power of the end of x, if it is as loud throughout; else nothing."""
    late = x[-round(LATE * sample_rate) :]
    if len(late) < 4 * FRAME or len(x) < 2 * len(late):
        return np.zeros(1)
    one, other = (_welch(half) for half in np.array_split(late, 2))
    falls = max(np.mean(_decibels(one) - _decibels(other)), _decibels(one.mean()) - _decibels(other.mean()))
    return _welch(late) if falls < STEADY else np.zeros(1)


def _welch(x: np.ndarray) -> np.ndarray:
    """Power [FRAME/2 + 1] of x, without its tones; white noise of variance σ² has σ² everywhere.

    The mean over K frames that overlap by half (Welch, IEEE Trans. Audio Electroacoust. 15, 1967), and of that the median over an
    octave, which is below the mean by (1 − 1/9K)³ (Wilson and Hilferty's, of χ² with 2K degrees of freedom).
    """
    window, x = np.hanning(FRAME), x - x.mean()
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, (0, max(0, FRAME - len(x)))), FRAME)[:: FRAME // 2]
    power = np.square(np.abs(np.fft.rfft(frames * window))).mean(0) / np.square(window).sum()
    octaves = (np.sort(power[round(k / 2**0.5) : round(k * 2**0.5) + 1]) for k in range(len(power)))
    medians = [(octave[(len(octave) - 1) // 2] + octave[len(octave) // 2]) / 2 for octave in octaves]  # np.median, ten times as fast
    return np.array(medians) / (1 - 1 / (9 * len(frames))) ** 3


def _decibels(power: np.ndarray | float) -> np.ndarray:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-30)))
