"""Where sounds come from: a file or samples, read from the start in blocks."""

from __future__ import annotations

import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ..errors import UsageError
from .container import Spliced, examine, truncated

READABLE = "WAV, FLAC, OGG, AIFF or MP3"
BLOCK = 2**17  # samples
MOST_CHANNELS = 32
RATES = (200.0, 1e9)  # Hz; what is less was meant in kHz


class Source(ABC):
    """A sound of `frames` frames in `channels` channels at `sample_rate` Hz; `notes` say what was odd about it."""

    name: str
    sample_rate: float
    channels: int
    frames: int
    notes: list[str]

    @property
    def block(self) -> int:
        """Frames that are read at a time where it does not matter."""
        return max(1, BLOCK // self.channels)

    @abstractmethod
    def blocks(self, frames: int) -> Iterator[np.ndarray]:
        """All of it from the start, [n, channels] in float64, n = `frames` but for the last. Raises UsageError where it cannot be read."""

    def finite(self, block: np.ndarray, start: int) -> np.ndarray:
        """The block, which begins at frame `start`. Raises UsageError where float32 cannot hold it."""
        bad = np.flatnonzero(~(np.abs(block).max(1, initial=0.0) <= np.finfo(np.float32).max))
        if len(bad):
            first = (start + bad[0]) / self.sample_rate
            raise UsageError(
                f"{self.name} holds NaN or infinite samples: {len(bad)} of the {len(block)} frames after {start / self.sample_rate:.3f} s, "
                f"the first at {first:.4f} s (frame {start + bad[0]}). Repair or export it again."
            )
        return block


class Sequential(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read from its start only.

    soundfile seeks after every read where it can; decoders that have a past (MP3, Vorbis) then go on without it.
    """

    def seekable(self) -> bool:
        return False


class File(Source):
    """A sound file. Raises UsageError if it is missing, not audio, truncated or empty."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        with _readable(path):
            if what := _no_file(path):
                raise UsageError(f"Cannot read {path}. {what}; give a sound file ({READABLE}).")
            self.splice, self.notes, endless = examine(path)
            with self._opened() as file:
                self.sample_rate, self.channels, self.frames = file.samplerate, file.channels, file.frames
                self.counted = endless or file.frames >= 2**62
                whole = file.format != "FLAC" or self.counted or self._has_its_end()
                if not whole or _says_truncated(file, self.frames):
                    raise truncated(path)
        if self.counted:  # the header does not say, or only guesses
            self.frames = sum(len(block) for block in self.blocks(self.block))
        if self.frames == 0:
            raise UsageError(f"{path} is empty: it has a header and no samples. Record or export it again.")

    def blocks(self, frames: int) -> Iterator[np.ndarray]:
        position = 0
        with _readable(self.path), self._opened() as file:
            while len(block := file.read(min(frames, self.frames), dtype="float64", always_2d=True)):
                yield block
                position += len(block)
            if position < self.frames and not self.counted:
                raise truncated(self.path)

    @contextmanager
    def _opened(self, how: type[soundfile.SoundFile] = Sequential) -> Iterator[soundfile.SoundFile]:
        if not self.splice:
            with how(os.fsencode(self.path)) as file:
                yield file
        else:
            with Spliced(self.path, *self.splice) as raw, how(raw) as file:
                yield file

    def _has_its_end(self) -> bool:
        """Whether the last frame of a FLAC can be read."""
        try:
            with self._opened(soundfile.SoundFile) as file:
                file.seek(file.frames - 1)
                return len(file.read(1)) == 1
        except soundfile.SoundFileError:
            return False


def _no_file(path: Path) -> str:
    """What is there instead of a file. Raises OSError where the system does not say."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # no name of a file holds NUL
        return "There is no such file"
    return "" if stat.S_ISREG(mode) else "It is a folder" if stat.S_ISDIR(mode) else "It is not a regular file"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a file, while it is opened or read, is a UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (soundfile.SoundFileError, TypeError, UnicodeError) as error:
        reason = re.sub(r"^Error opening .*?: (?=[A-Z])", "", str(error)).rstrip(".")
        raise UsageError(f"{path} is not a sound file, or is damaged ({reason}). Give one of {READABLE}.") from error


def _says_truncated(file: soundfile.SoundFile, frames: int) -> bool:
    """Whether libsndfile's log does, of a file whose header nobody else reads here."""
    if file.format in ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "SVX", "NIST"):
        return False
    log = file.extra_info
    counts = [int(n) for n in re.findall(r"(?:Frames|Cols) +: (\d+)", log)[-1:]]  # promised; in SDS, present
    short = any(n < frames if file.format == "SDS" else n > frames for n in counts)
    return short or bool(re.search(r"truncated|Data length \d+ should be", log))


class Samples(Source):
    """Samples [n], [channels, n] or [n, channels], of whatever kind of array. Raises UsageError where they are no sound."""

    name = "The sound"

    def __init__(self, x: Any, sample_rate: Any) -> None:
        self.sample_rate, self.notes = _rate(sample_rate), []
        x = _channels_last(_array(x))
        self.x = x
        self.frames, self.channels = x.shape

    def blocks(self, frames: int) -> Iterator[np.ndarray]:
        for k in range(0, self.frames, frames):
            yield full_scale(self.x[k : k + frames])


def _rate(given: Any) -> float:
    low, high = RATES
    try:
        number = np.asarray(given)
    except (TypeError, ValueError, RuntimeError):
        number = np.array("none")
    rate = float(number) if number.ndim == 0 and number.dtype.kind in "fiu" else 0.0
    if not low <= rate <= high:
        raise UsageError(f"A sample_rate is a number of Hz from {low:g} to {high:g}, such as 44100; got {repr(given)[:60]}.")
    return rate


def _array(x: Any) -> np.ndarray:
    wanted = "Give an array or a tensor of floats within ±1, or of int16, int32 or uint8; divide other integers by their full scale"
    try:
        if hasattr(x, "detach"):  # a tensor, on whatever device; numpy knows no bfloat16
            x = x.detach().cpu().resolve_conj()
            x = x.float() if x.is_floating_point() and x.dtype.itemsize < 4 else x
        x = np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(f"The sound cannot be made an array of samples: {type(x).__name__} ({error}). {wanted}.") from error
    if x.dtype.kind not in "fiu" or (x.dtype.kind in "iu" and x.dtype.itemsize > 4):
        raise UsageError(f"The sound is an array of {x.dtype}. {wanted}.")
    return np.asarray(x)


def _channels_last(x: np.ndarray) -> np.ndarray:
    """[frames, channels]: the shorter axis is that of the channels."""
    if x.ndim == 1:
        x = x[:, None]
    if x.ndim != 2 or min(x.shape) > MOST_CHANNELS or (x.shape[0] == x.shape[1] > 1):
        raise UsageError(
            f"The sound has shape {list(x.shape)}. Give [frames], [frames, channels] or [channels, frames], "
            f"with at most {MOST_CHANNELS} channels and more frames than channels."
        )
    if x.size == 0:
        raise UsageError(f"The sound is empty: it has shape {list(x.shape)} and no samples.")
    return x if x.shape[1] <= x.shape[0] else x.T


def full_scale(x: np.ndarray) -> np.ndarray:
    """Integers of b bits divided by 2^(b−1), about the middle of their range if they have no sign; floats as they are. In float64."""
    if x.dtype.kind == "f":
        return x.astype(np.float64)
    half = 2.0 ** (8 * x.dtype.itemsize - 1)
    return x / half - (x.dtype.kind == "u")
