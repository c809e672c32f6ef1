"""Sound files in: any file that libsndfile reads becomes the problem's signal, and says what was done to it."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from ..errors import UsageError
from ..signal import Signal
from ..system import progress
from . import floor
from .extent import Envelope, Onset, ending
from .mono import SEARCH, Mono, constant_part
from .source import File, Samples, Source

if TYPE_CHECKING:
    from torch import Tensor

    from ..synth import Synth

SILENCE = 10 ** (-90 / 20)  # about one step of a 16-bit file
HEARD = 1e-3  # of the peak: −60 dB; what resampling leaves below it is not the sound


@dataclass(frozen=True, eq=False)
class Recording:
    """A sound file made into a problem's signal: `x` [N] float32 on the CPU, and `notes`, what was done to it, for the user to read.

    The file holds `gain` times x, which begins at `onset`, in seconds. Where it is cut or faded out while the sound goes on, `end` is how
    many samples of x are the sound's own. `floor` [N] is noise like that of the recording, if there is any.
    """

    x: Tensor
    path: Path
    notes: list[str]
    gain: float = 1.0
    onset: float = 0.0
    end: int | None = None
    floor: Tensor | None = None


def load(path: str | Path, signal: Signal, *, trim_onset: bool = True, peak: float | None = 1.0, lead: float = 0.0) -> Recording:
    """The mono sound at `path`, from `lead` seconds before its onset, at the rate and of the length of `signal`, scaled to `max|x| = peak`.

    The onset is looked for in the first minute of sound, and only what is needed is read after it. A file that has exactly the rate
    and the length of `signal` (one that a synthesizer made, say) keeps its place in time. `peak=None` keeps the gain.
    Raises UsageError if the file is missing, not audio, truncated, empty, silent, or holds a NaN or an infinity.
    """
    return _fitted(File(Path(path)), Path(path), signal, trim_onset, peak, lead)


def load_samples(x: Any, sample_rate: Any, signal: Signal, *, peak: float | None = 1.0, lead: float = 0.0) -> Recording:
    """As `load`, of samples [n], [n, channels] or [channels, n] at `sample_rate` Hz: floats, or integers, which are at full scale."""
    return _fitted(Samples(x, sample_rate), Path("samples"), signal, True, peak, lead)


def load_for(synth: Synth, path: str | PathLike[str]) -> Recording:
    """The sound at `path` as `synth` would make it: its signal, its peak, its lead before the onset."""
    return load(Path(path), synth.signal, peak=synth.peak, lead=synth.lead)


def take_for(synth: Synth, x: Any, sample_rate: Any, call: str) -> Recording:
    """A file, or samples at their rate, as `synth` would make them; `call` shows how samples are given."""
    if isinstance(x, (str, PathLike)):
        return load_for(synth, x)
    if sample_rate is None:
        raise UsageError(f"A sound given as samples needs its sample_rate in Hz: {call}.")
    return load_samples(x, sample_rate, synth.signal, peak=synth.peak, lead=synth.lead)


def tell(recording: Recording) -> Recording:
    """Say what was done to a recording."""
    for note in recording.notes:
        progress.log.info("%s: %s", recording.path.name, note)
    return recording


def _fitted(source: Source, path: Path, signal: Signal, trim_onset: bool, peak: float | None, lead: float) -> Recording:

    mono, rate = Mono(source), source.sample_rate
    made_for_it = (source.frames, rate) == (signal.num_samples, signal.sample_rate)
    onset = _onset(mono) if trim_onset and not made_for_it else Onset()
    start = max(0, onset.start - round(lead * rate))
    x = mono.read(start, int(np.ceil(signal.duration * rate)) + 1)
    for begin, after in onset.ignored:
        x[max(0, begin - start) : max(0, after - start)] = 0.0
    x, centred = _centre(x, rate)
    _check_audible(source, x, start)
    x, end, fitted = _fit(x, rate, (source.frames - start) / rate, signal, source.name)
    noise = floor.under(x, signal, mono, start, max((after for _, after in onset.ignored), default=0))
    heard = [] if noise is None else [floor.told(noise, float(np.abs(x).max()))]
    x, gain, scaled = _scale(x, peak)
    notes = [*source.notes, *mono.notes, *_told(onset, rate, lead), *centred, *fitted, *scaled, *heard]
    return Recording(_tensor(x), path, notes, gain, start / rate, end, None if noise is None else _tensor(noise / gain))


def _tensor(x: np.ndarray) -> Tensor:
    import torch  # here, so that sounds are read without loading torch

    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))


def _onset(mono: Mono) -> Onset:
    """Where the sound begins, from one pass that keeps the envelope only and stops after a minute of sound."""
    envelope = Envelope(mono.source.sample_rate)
    for block in mono.blocks(envelope.block):
        envelope.append(block)
        if envelope.audible_seconds > SEARCH:
            break
    return envelope.onset()


def _told(onset: Onset, rate: float, lead: float) -> list[str]:
    notes = []
    if onset.ignored:
        times = ", ".join(f"{begin / rate:.3f} s" for begin, _ in onset.ignored[:3])
        more = f" and {len(onset.ignored) - 3} more" if len(onset.ignored) > 3 else ""
        notes.append(f"ignored before the onset: a click or a weak sound at {times}{more}")
    if onset.start:
        notes.append(f"onset found at {onset.start / rate:.3f} s: trimmed" + (f" but for {lead:g} s" if lead else ""))
    return notes


def _centre(x: np.ndarray, rate: float) -> tuple[np.ndarray, list[str]]:
    offset = constant_part(x, rate)
    return (x - offset, [f"constant offset of {offset:.3g} removed"]) if offset else (x, [])


def _check_audible(source: Source, x: np.ndarray, start: int) -> None:
    if np.abs(x - x.mean()).max(initial=0.0) < SILENCE:
        where = f"in its first {len(x) / source.sample_rate:.2f} s" if not start and len(x) < source.frames else "throughout"
        raise UsageError(f"{source.name} is silent (below −90 dBFS) {where}. Check the recording's level and start.")


def _fit(x: np.ndarray, rate: float, available: float, signal: Signal, name: str) -> tuple[np.ndarray, int | None, list[str]]:
    """x at the rate and of the length of `signal`, and where it ends too early; `available` is how many seconds the source had to offer."""
    notes, N, level = [], signal.num_samples, np.abs(x).max()
    end = None
    if rate != signal.sample_rate:
        x = soxr.resample(x, rate, signal.sample_rate, quality="HQ")
        if np.abs(x).max(initial=0.0) < HEARD * level:
            raise UsageError(f"{name} has nothing below {signal.sample_rate / 2:g} Hz, half the synthesizer's rate. Choose another sound.")
        notes.append(f"resampled {rate:.10g} → {signal.sample_rate:g} Hz (soxr HQ)")
    missing = signal.duration - available
    # half a sample either way is rounding, not something to tell
    if -missing * signal.sample_rate > 0.5:
        notes.append(f"cropped {_clock(available)} to {signal.duration:.2f} s")
    elif missing * signal.sample_rate > 0.5:
        notes.append(f"padded {missing:.2f} s with silence")
        end = ending(x[:N], signal.sample_rate)
        if end is not None:
            notes.append(f"cut or faded out while it sounds: compared until {end / signal.sample_rate:.3f} s")
    return np.pad(x[:N], (0, max(0, N - len(x)))), end, notes


def _scale(x: np.ndarray, peak: float | None) -> tuple[np.ndarray, float, list[str]]:
    level = float(np.abs(x).max())
    if peak is None or level == 0 or abs(level / peak - 1) < 1e-3:
        return x, 1.0, []
    return x * (peak / level), level / peak, [f"peak normalised from {level:.3g} to {peak:g}"]


def _clock(seconds: float) -> str:
    """`2.97 s`, or `5 min 0.0 s`."""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f} min {rest:.1f} s" if minutes else f"{seconds:.2f} s"
