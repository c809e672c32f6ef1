"""Sound files out: a mono WAV in float, which neither rounds nor clips, or a FLAC."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ..errors import UsageError
from ..system.files import atomic


def save(path: str | Path, x: Any, sample_rate: float) -> Path:
    """Write x [N], `encoded`, whole or not at all. Raises InvsoundError when the file cannot be written."""
    with atomic(Path(path)) as temporary:
        temporary.write_bytes(encoded(x, sample_rate, check_ending(Path(path))))
    return Path(path)


def encoded(x: Any, sample_rate: float, ending: str = ".wav") -> bytes:
    """x [N] as a mono WAV in 32-bit float, which neither rounds nor clips, or as a FLAC of 24 bits. Equal sounds are equal files.

    Raises UsageError for a sound that FLAC cannot hold.
    """
    return _FORMATS[ending](np.asarray(x, dtype="<f4"), round(sample_rate))


def check_ending(path: Path) -> str:
    """The ending of a sound file that can be written. Raises UsageError for another."""
    ending = path.suffix.lower()
    if ending not in _FORMATS:
        raise UsageError(f"{str(path)!r} would be no {ending} file: sounds are written as .wav or .flac.")
    return ending


def _float_wav(x: np.ndarray, rate: int) -> bytes:
    """Our own, because libsndfile puts the time of day beside float samples (PEAK)."""
    format, fact, data = struct.pack("<HHIIHHH", 3, 1, rate, 4 * rate, 4, 32, 0), struct.pack("<I", len(x)), x.tobytes()
    chunks = b"".join(name + struct.pack("<I", len(body)) + body for name, body in ((b"fmt ", format), (b"fact", fact), (b"data", data)))
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _flac(x: np.ndarray, rate: int) -> bytes:
    if (peak := float(np.abs(x).max(initial=0.0))) > 1:
        raise UsageError(f"FLAC holds nothing beyond ±1, and the peak of the sound is {peak:.4g}. Write it as .wav.")
    buffer = io.BytesIO()
    try:
        soundfile.write(buffer, x, rate, format="FLAC", subtype="PCM_24")
    except (soundfile.SoundFileError, ValueError) as error:
        raise UsageError(f"FLAC does not hold a sound of {len(x)} samples at {rate} Hz ({error}). Write it as .wav.") from error
    return buffer.getvalue()


_FORMATS = {"": _float_wav, ".wav": _float_wav, ".flac": _flac}


def to_wav_bytes(x: Any, sample_rate: float) -> bytes:
    """x [N] as a 16-bit mono WAV, for players: divided by `max|x|` where that exceeds 1."""
    x, buffer = np.asarray(x, dtype=np.float32), io.BytesIO()
    soundfile.write(buffer, x / max(1.0, float(np.abs(x).max(initial=0.0))), round(sample_rate), format="WAV", subtype="PCM_16")
    return buffer.getvalue()
