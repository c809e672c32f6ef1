"""A DX7 as a synthesizer: a note of a voice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from invsound import Renderer, SignalOptions, Space, UsageError, option

from . import syx, voice
from .preset import chosen, located


@dataclass
class DX7Options(SignalOptions):
    """A voice, which of its controls are to be found, and the note that is played.

    preset: the voice to begin with, FILE.syx or, of a bank, FILE.syx:NUMBER from 1; empty: INIT VOICE, a sine
    free: names of the controls that are to be found, the others stay as in the voice; empty: all 145
    fix: controls of the voice that are others than in the preset: {algorithm: 5, op2_coarse: 2}
    note: MIDI number
    velocity: of the note
    hold: how long the key is held, s
    level: peak (every sound is scaled to a peak of 1) or voice (as the voice makes it; recordings keep their gain)
    limit: time for one sound, s
    digest: of the preset, written by invsound: one that was changed since is refused
    """

    sample_rate: float = option(44100.0, low=8000, high=192000, unit="Hz")
    num_samples: int = option(32768, low=2, high=2**24, unit="samples")
    preset: str = ""
    free: list[str] = option([])
    fix: dict[str, Any] = option({})
    note: int = option(60, low=0, high=127)
    velocity: int = option(100, low=1, high=127)
    hold: float = option(0.4, above=0, high=1000, unit="s")
    level: str = option("peak", choices=("peak", "voice"))
    limit: float = option(20.0, above=0, high=10**5, unit="s")
    digest: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.preset:
            return
        path, number = located(self.preset)
        self.preset = f"{path}:{number}"
        given, self.digest = self.digest, hashlib.sha256(chosen(self.preset)).hexdigest()[:16]
        if given not in (None, self.digest):
            raise ValueError(f"{self.preset!r} was changed since. Take it as it is with digest=null, or put it back")


class DX7(Renderer):
    """Six sine operators that modulate one another, as msfa, the engine of Dexed, computes them."""

    Options = DX7Options
    preset_suffix = ".syx"
    check_options = {  # noqa: RUF012
        "num_samples": 1024, "sample_rate": 16000, "hold": 0.05,
        "free": ["algorithm", "feedback", "op2_output_level", "op2_coarse", "op3_detune", "op1_rate2"],
        "fix": {f"op{k}_{name}": 80 for k in (1, 3, 4, 5, 6) for name in ("output_level", "level2")},
    }  # fmt: skip

    def __init__(self, options: DX7Options) -> None:
        super().__init__(options)
        self.signal, self.limit = options.signal, options.limit
        self.peak = 1.0 if options.level == "peak" else None
        for name in (*options.free, *options.fix):
            if name not in voice.CONTROLS:
                raise ValueError(f"a voice has no control {name!r}. Those of operator 1 to 6, and of the whole: {_listed()}")
        self.voice = voice.decoded(chosen(options.preset)) if options.preset else dict(voice.INITIAL)
        self.voice |= {name: _fixed(name, value) for name, value in options.fix.items()}
        free = options.free or [name for name in voice.CONTROLS if name not in options.fix]
        if both := sorted({*free} & {*options.fix}):
            raise ValueError(f"{both[0]} cannot be free and fixed")
        self.space = Space(*(voice.CONTROLS[name].parameter for name in free))

    def preset_file(self, values: Mapping[str, Any], name: str) -> bytes:
        """A single voice, 163 bytes: the values, and all else as in the preset to begin with."""
        return syx.single(voice.encoded(self.voice | dict(values), name))

    def begin(self) -> None:
        from dexed import DexedSynth

        self.engine = DexedSynth(self.signal.sample_rate)

    def sound(self, values: Any) -> np.ndarray:
        from dexed import Patch

        options, N = self.options, self.signal.num_samples
        self.engine.load_patch(Patch.from_sysex(voice.encoded(self.voice | dict(values))))
        x = self.engine.render(options.note, options.velocity, options.hold, (N + 1) / self.signal.sample_rate)[:N]
        peak = np.abs(x).max()
        return x / peak if options.level == "peak" and 0 < peak < np.inf else x


def _fixed(name: str, given: Any) -> int | str:
    control = voice.CONTROLS[name]
    try:
        return control.value(control.byte(given))
    except UsageError as error:
        raise ValueError(f"fix: {name} = {error}") from None


def _listed() -> str:
    names = [name for name in voice.CONTROLS if not name.startswith(("op2", "op3", "op4", "op5", "op6"))]
    return ", ".join(names)
