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
LATE = 0.4  # s at the end of the file, which are noise if they are as loud throughout, and no tone
STEADY = 3.0  # dB/s; a sound falls faster, by 8.7 dB in its decay time
TONE = 12.0  # dB that one bin of the spectrum stands above those around it
FAINT, LOUD = -85.0, -15.0  # dB under the peak: a floor is between


def floor(x: np.ndarray, sample_rate: float, before: np.ndarray) -> np.ndarray | None:
    """Noise [n] as loud and as coloured as that of a recording x [n], which comes after `before` [m]; None where there is none.

    Its spectrum is Welch's (IEEE Trans. Audio Electroacoust. 15, 1967) of what lies before the onset, else of the end of the decay. It is
    drawn from one seed: equal recordings have equal noise.
    """
    quiet = before if len(before) >= max(SHORTEST * sample_rate, 2) else _late(x, sample_rate)
    quiet = quiet - quiet.mean() if len(quiet) else quiet
    level = _decibels(np.mean(np.square(quiet))) - _decibels(np.square(np.abs(x).max(initial=0.0))) if len(quiet) else -np.inf
    if not FAINT < level < LOUD or _tonal(power := _welch(quiet)):
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
    before = mono.read(begin, max(0, end - begin))
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
    """The end of x, if it is as loud throughout; else nothing."""
    late = x[-round(LATE * sample_rate) :]
    pieces = np.array_split(late, 8) if len(x) >= 2 * len(late) >= 16 else []
    levels = [_decibels(np.mean(np.square(piece))) for piece in pieces]
    steady = pieces and np.polyfit(np.linspace(0, LATE, len(levels)), levels, 1)[0] > -STEADY
    return late if steady and max(levels) - min(levels) < STEADY else late[:0]


def _welch(x: np.ndarray) -> np.ndarray:
    """Power [FRAME/2 + 1] of frames that overlap by half; white noise of variance σ² has σ² everywhere."""
    window = np.hanning(FRAME)
    x = np.pad(x, (0, max(0, FRAME - len(x))))
    frames = np.lib.stride_tricks.sliding_window_view(x, FRAME)[:: FRAME // 2]
    power: np.ndarray = np.square(np.abs(np.fft.rfft(frames * window))).mean(0) / np.square(window).sum()
    return power


def _tonal(power: np.ndarray) -> bool:
    """Whether a bin stands out of the 33 around it."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(power, 16, mode="reflect"), 33)
    return bool((_decibels(power) - _decibels(np.median(around, 1)) > TONE).any())


def _decibels(power: np.ndarray | float) -> np.ndarray:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-30)))
