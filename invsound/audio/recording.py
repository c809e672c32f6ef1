"""Sound files in and out: any file that libsndfile reads becomes the problem's signal, and says what was done to it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr

from ..errors import UsageError
from ..signal import Signal
from ..system import progress
from ..system.files import atomic
from .onset import Envelope

if TYPE_CHECKING:
    from torch import Tensor

    from ..synth import Synth

SILENCE = 10 ** (-90 / 20)  # about one step of a 16-bit file
SEARCH = 60.0  # seconds from the first audible sound, in which the onset is looked for, however long the file is


@dataclass(frozen=True, eq=False)
class Recording:
    """A sound file made into a problem's signal: `x` [N] float32 on the CPU, and `notes`, what was done to it, for the user to read.

    The file holds `gain` times x, which begins at `onset`, in seconds.
    """

    x: Tensor
    path: Path
    notes: list[str]
    gain: float = 1.0
    onset: float = 0.0


def load(path: str | Path, signal: Signal, *, trim_onset: bool = True, peak: float | None = 1.0, lead: float = 0.0) -> Recording:
    """The mono sound at `path`, from `lead` seconds before its onset, at the rate and of the length of `signal`, scaled to `max|x| = peak`.

    The onset is looked for in the first minute of sound, and only what is needed is read after it. A file that has exactly the rate
    and the length of `signal` (one that a synthesizer made, say) keeps its place in time. `peak=None` keeps the gain.
    Raises UsageError if the file is missing, not audio, truncated, empty, silent, or holds a NaN or an infinity.
    """
    import torch  # here, so that a report embeds sounds without loading torch

    with _opened(Path(path)) as file:
        notes = [f"{file.channels} channels averaged to mono"] if file.channels > 1 else []
        made_for_it = (file.frames, file.samplerate) == (signal.num_samples, signal.sample_rate)
        onset = _onset(file) if trim_onset and not made_for_it else 0
        if onset:
            kept = f" but for {lead:g} s" if lead else ""
            notes.append(f"onset found at {onset / file.samplerate:.3f} s: trimmed{kept}")
        onset = max(0, onset - round(lead * file.samplerate))
        x = _read(file, onset, int(np.ceil(signal.duration * file.samplerate)) + 1)
        _check_audible(file, x, onset)
        x, fitted = _fit(x, file.samplerate, (file.frames - onset) / file.samplerate, signal)
    x, gain, scaled = _scale(x, peak)
    samples = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
    return Recording(samples, Path(path), notes + fitted + scaled, gain, onset / file.samplerate)


def load_for(synth: Synth, path: str | Path) -> Recording:
    """The sound at `path` as `synth` would make it: its signal, its peak, its lead before the onset."""
    return load(path, synth.signal, peak=synth.peak, lead=synth.lead)


def tell(recording: Recording) -> Recording:
    """Say what was done to a recording."""
    for note in recording.notes:
        progress.log.info("%s: %s", recording.path.name, note)
    return recording


def save(path: str | Path, x: Any, sample_rate: float) -> Path:
    """Write x [N] as a mono WAV in 32-bit float, which neither rounds nor clips; whole or not at all.

    Raises InvsoundError when the file cannot be written.
    """
    with atomic(Path(path)) as temporary:
        temporary.write_bytes(_wav(np.asarray(x, dtype=np.float32), sample_rate, "FLOAT"))
    return Path(path)


def to_wav_bytes(x: Any, sample_rate: float) -> bytes:
    """x [N] as a 16-bit mono WAV, for players: divided by `max|x|` where that exceeds 1."""
    x = np.asarray(x, dtype=np.float32)
    return _wav(x / max(1.0, float(np.abs(x).max(initial=0.0))), sample_rate, "PCM_16")


def _wav(x: np.ndarray, sample_rate: float, subtype: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, x, round(sample_rate), format="WAV", subtype=subtype)
    return buffer.getvalue()


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """The open file; whatever goes wrong with it, while it is opened or read, is a UsageError."""
    readable = "WAV, FLAC, OGG, AIFF or MP3"
    if not path.is_file():
        what = "It is a folder" if path.is_dir() else "There is no such file" if not path.exists() else "It is not a regular file"
        raise UsageError(f"Cannot read {path}. {what}; give a sound file ({readable}).")
    try:
        path.open("rb").close()
        with soundfile.SoundFile(str(path)) as file:
            if file.frames == 0:
                raise UsageError(f"{path} is empty: it has a header and no samples. Record or export it again.")
            if _truncated(file):
                raise UsageError(f"{path} is truncated: it ends before its header says it does. Copy or export it again.")
            yield file
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (soundfile.SoundFileError, TypeError) as error:
        reason = str(error).removeprefix(f"Error opening {str(path)!r}: ").rstrip(".")
        raise UsageError(f"{path} is not a sound file, or is damaged ({reason}). Give one of {readable}.") from error


def _truncated(file: soundfile.SoundFile) -> bool:
    """libsndfile quietly shortens a cut WAV or OGG and mentions it in its log; a streamed WAV, whose length was never known, is whole."""
    promised = re.search(r"data : (\d+) \(should be (\d+)\)", file.extra_info)
    streamed = 2**31 - 2**16
    cut = promised is not None and int(promised[2]) < int(promised[1]) < streamed
    return cut or "Last page lacks an end-of-stream bit" in file.extra_info


def _mono(file: soundfile.SoundFile, frames: int) -> np.ndarray:
    """The next `frames` frames, or what is left, averaged over channels; float64, so that no sum overflows."""
    start = file.tell()
    block = file.read(frames, dtype="float64", always_2d=True)
    if len(block) < min(frames, file.frames - start):
        raise UsageError(f"{file.name} is truncated: it ends {file.frames - start - len(block)} frames early. Copy or export it again.")
    bad = np.flatnonzero(~(np.abs(block).max(1, initial=0.0) <= np.finfo(np.float32).max))
    if len(bad):
        first = (start + bad[0]) / file.samplerate
        raise UsageError(
            f"{file.name} holds NaN or infinite samples: {len(bad)} of the {len(block)} frames after {start / file.samplerate:.3f} s, "
            f"the first at {first:.4f} s (frame {start + bad[0]}). Repair or export it again."
        )
    return np.asarray(block.mean(1))


def _onset(file: soundfile.SoundFile) -> int:
    """The frame at which the sound begins, from one pass that keeps the envelope only and stops after a minute of sound."""
    envelope = Envelope(file.samplerate)
    while len(block := _mono(file, envelope.block)):
        envelope.append(block)
        if envelope.audible_seconds > SEARCH:
            break
    return envelope.onset()


def _read(file: soundfile.SoundFile, start: int, frames: int) -> np.ndarray:
    file.seek(start)
    return _mono(file, frames)


def _check_audible(file: soundfile.SoundFile, x: np.ndarray, onset: int) -> None:
    if np.abs(x - x.mean()).max() < SILENCE:
        where = f"in its first {len(x) / file.samplerate:.2f} s" if not onset and len(x) < file.frames else "throughout"
        cancel = " Its channels may cancel each other: export one of them." if file.channels > 1 else ""
        raise UsageError(f"{file.name} is silent (below −90 dBFS) {where}. Check the recording's level and start.{cancel}")


def _fit(x: np.ndarray, rate: int, available: float, signal: Signal) -> tuple[np.ndarray, list[str]]:
    """x at the rate and of the length of `signal`; `available` is how many seconds the file had to offer."""
    notes, N = [], signal.num_samples
    if rate != signal.sample_rate:
        x = soxr.resample(x, rate, signal.sample_rate, quality="HQ")
        notes.append(f"resampled {rate} → {signal.sample_rate:g} Hz (soxr HQ)")
    missing = signal.duration - available
    # half a sample either way is rounding, not something to tell
    if -missing * signal.sample_rate > 0.5:
        notes.append(f"cropped {_clock(available)} to {signal.duration:.2f} s")
    elif missing * signal.sample_rate > 0.5:
        notes.append(f"padded {missing:.2f} s with silence")
    return np.pad(x[:N], (0, max(0, N - len(x)))), notes


def _scale(x: np.ndarray, peak: float | None) -> tuple[np.ndarray, float, list[str]]:
    level = float(np.abs(x).max())
    if peak is None or level == 0 or abs(level / peak - 1) < 1e-3:
        return x, 1.0, []
    return x * (peak / level), level / peak, [f"peak normalised from {level:.3g} to {peak:g}"]


def _clock(seconds: float) -> str:
    """`2.97 s`, or `5 min 0.0 s`."""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f} min {rest:.1f} s" if minutes else f"{seconds:.2f} s"
