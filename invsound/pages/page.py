"""What invsound's HTML pages share: the template environment, players with spectrograms, and wording."""

from __future__ import annotations

import base64
import functools
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..audio.written import to_wav_bytes
from ..system.files import write_text
from ..system.progress import log
from ..system.version import VERSION
from .charts import number
from .spectrogram import spectrogram, spectrogram_chart


@dataclass(frozen=True)
class Sound:
    """One player: what it plays (`role`), the sound as a data URI, and its spectrogram."""

    role: str
    wav: str
    picture: Markup


@dataclass(frozen=True)
class Pair:
    """A target and its reconstruction, side by side; `parameters` are rows of name, unit, and values by column.

    `beside` holds the scores of other answers, by their names, and `said` what there is to say of it all.
    """

    name: str
    sounds: list[Sound]
    notes: list[str] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    parameters: list[tuple[str, str, dict[str, float | str]]] = field(default_factory=list)
    beside: dict[str, dict[str, float]] = field(default_factory=dict)
    said: str = ""


def hertz(value: float | str, unit: str) -> float | None:
    """An angular frequency in rad/s in Hz; None of anything else."""
    return value / (2 * math.pi) if unit == "rad/s" and not isinstance(value, str) else None


def sounds(name: str, **waveforms: tuple[np.ndarray, float]) -> list[Sound]:
    """Players for waveforms given as role=(x [N], sample rate in Hz); their spectrograms share one reference, the loudest of all."""
    powers = {role: spectrogram(x, rate) for role, (x, rate) in waveforms.items()}
    reference = max((float(power.max()) for power in powers.values()), default=0.0)
    return [
        Sound(
            role,
            "data:audio/wav;base64," + base64.b64encode(to_wav_bytes(x, rate)).decode(),
            spectrogram_chart(powers[role], reference, rate, len(x) / rate, f"Spectrogram of the {role} of {name}, {len(x) / rate:.2f} s"),
        )
        for role, (x, rate) in waveforms.items()
    ]


def read_sounds(name: str, **paths: Path) -> list[Sound]:
    """Players for the files that exist among role=path; one that is no mono sound is said and left out."""
    waveforms = {role: waveform for role, path in paths.items() if (waveform := _waveform(path)) is not None}
    return sounds(name, **waveforms)


def _waveform(path: Path) -> tuple[np.ndarray, float] | None:
    try:
        if not path.is_file():
            return None
        x, rate = soundfile.read(path, dtype="float32")
    except (OSError, TypeError, soundfile.SoundFileError) as error:
        log.warning("%s cannot be read (%s) and is left out.", path, error)
        return None
    if x.ndim != 1 or not np.isfinite(x).all():
        log.warning("%s holds more than one channel, or a NaN, and is left out.", path)
        return None
    return (x, float(rate)) if len(x) else None


def write_page(path: Path, template: str, **content: Any) -> Path:
    """Render one of the templates beside this file into a single self-contained file; every string in `content` is escaped."""
    write_text(path, environment().get_template(template).render(**content))
    return path


@functools.cache
def environment() -> Environment:
    """Where the templates are, and what they may say."""
    made = Environment(
        loader=PackageLoader("invsound.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["number"] = number
    made.filters["hertz"] = hertz
    made.globals["version"] = VERSION
    return made
