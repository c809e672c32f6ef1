"""Any Faust program as a synthesizer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from invsound import InvsoundError, Parameter, Renderer, SignalOptions, Space, UsageError, option

from . import compiler, program
from .controls import Control, controls

BLOCK = 1024  # samples
NOTE = re.compile(r"^\s*([-+.\deE]+)\s*(Hz)?\s*$", re.IGNORECASE)
PITCH, LOUDNESS = ("freq", "key"), ("gain", "vel", "velocity")


@dataclass
class FaustOptions(SignalOptions):
    """A Faust program, and what of it is to be found.

    file: the program (.dsp)
    free: names of the controls that are parameters; the others stay at their defaults. Empty: all that are not fixed
    fix: controls that are no parameters, and their values: {wave: saw, cutoff: 800}
    note: pitch of a program with freq or key: a MIDI number, or in Hz (440Hz); null: it is a parameter
    velocity: 0 to 127, of a program with gain, vel or velocity; null: it is a parameter
    gate: how long buttons, gate among them, are held from the beginning of the sound, s
    level: peak (every sound is scaled to a peak of 1) or program (as the program makes it; recordings keep their gain)
    steps: controls of at most so many values have steps; others are continuous
    limit: time for one sound, s
    digest: of the program, written by invsound: a program that was changed since is refused
    """

    sample_rate: float = option(44100.0, above=0, high=10**6, unit="Hz")
    num_samples: int = option(32768, low=2, high=2**24, unit="samples")
    file: str = ""
    free: list[str] = option([])
    fix: dict[str, Any] = option({})
    note: str | None = None
    velocity: int | None = option(127, low=0, high=127)
    gate: float = option(0.25, low=0, high=1000, unit="s")
    level: str = option("peak", choices=("peak", "program"))
    steps: int = option(64, low=0, high=10**6)
    limit: float = option(20.0, above=0, high=10**5, unit="s")
    digest: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._pitch()
        if not self.file:
            return
        path = Path(self.file).expanduser().resolve()
        self.file, given, self.digest = str(path), self.digest, program.digest(path)
        if given not in (None, self.digest):
            raise ValueError(f"{self.file!r} was changed since. Take it as it is with digest=null, or put it back")

    def _pitch(self) -> tuple[float, float] | None:
        """The note as its MIDI number and its frequency [Hz]."""
        if self.note is None:
            return None
        if (found := NOTE.match(self.note)) is None or not 0 <= float(found[1]) <= (1e5 if found[2] else 127):
            raise ValueError(f"note is a MIDI number, such as 60, or a frequency, such as 261.6Hz, got {self.note!r}")
        number = float(found[1])
        if found[2]:
            return 69 + 12 * float(np.log2(max(number, 1e-9) / 440)), number
        return number, 440 * 2 ** ((number - 69) / 12)

    def convention(self, control: Control) -> float | None:
        """What note and velocity say of a control, if it is called as in Faust's polyphony; None where it is a parameter as any other."""
        pitch = self._pitch()
        if control.label in PITCH and pitch is not None:
            return pitch[0] if control.label == "key" else pitch[1]
        if control.label in LOUDNESS and self.velocity is not None:
            return self.velocity / 127 if control.label == "gain" else float(self.velocity)
        return None


class Faust(Renderer):
    """A Faust program; its interface is the space of parameters."""

    Options = FaustOptions
    preset_suffix = ".faust.json"
    check_options = {"file": str(Path(__file__).with_name("check.dsp")), "num_samples": 1024, "sample_rate": 16000, "gate": 0.03}  # noqa: RUF012

    def __init__(self, options: FaustOptions) -> None:
        super().__init__(options)
        if not options.file:
            raise ValueError("which program? Give synth.file=drum.dsp, the path of a Faust program")
        self.signal, self.limit = options.signal, options.limit
        self.peak = 1.0 if options.level == "peak" else None
        self.controls = _checked(self._described(), options.file)
        self.space, self.fixed = self._split()

    def _described(self) -> dict[str, Any]:
        try:
            return self.outside(compiler.interface, self.options.file, self.options.digest)
        except UsageError:
            raise
        except InvsoundError as error:  # it crashed, or did not end
            raise InvsoundError(f"Faust's compiler cannot do {self.options.file!r}: {error}") from None

    def _split(self) -> tuple[Space, dict[str, float]]:
        """The controls that are to be found, and the values of the others."""
        options, parameters, fixed = self.options, [], {}
        _known({*options.free, *options.fix}, self.controls)
        for name, control in self.controls.items():
            parameter = None if control.held else control.parameter(name, options.steps)
            stated = options.convention(control)
            if name in options.free and (parameter is None or name in options.fix):
                why = "is fixed as well" if name in options.fix else "has one value only" if not control.held else "is held as gate says"
                raise ValueError(f"{name} cannot be free: it {why}")
            if name in options.fix:
                fixed[name] = _fixed(control, name, options)
            elif parameter is not None and (name in options.free or (not options.free and stated is None)):
                parameters.append(parameter)
            elif not control.held:
                fixed[name] = control.init if stated is None else _within(control, name, stated)
        if not parameters:
            raise ValueError(f"{options.file!r} has nothing to be found: {_listed(self.controls)}")
        return Space(*parameters), fixed

    def preset_file(self, values: Mapping[str, Any], name: str) -> bytes:
        """JSON: address → value, what any host of Faust's gives to setParamValue."""
        told = self.fixed | {key: self.controls[key].value(value) for key, value in values.items()}
        return json.dumps({self.controls[key].address: told[key] for key in self.controls if key in told}, indent=1).encode()

    def begin(self) -> None:
        self.program = compiler.compiled(self.options.file, self.options.digest).create_dsp_instance()
        self.program.init(round(self.signal.sample_rate))
        self.program.build_user_interface()
        self.silence = np.zeros((0, BLOCK), np.float32)

    def sound(self, values: Any) -> np.ndarray:
        self.program.instance_init(round(self.signal.sample_rate))  # nothing is left of the sound before
        for name, value in self.fixed.items():
            self.program.set_param(self.controls[name].address, value)
        for name, value in values.items():
            self.program.set_param(self.controls[name].address, self.controls[name].value(value))
        N, held = self.signal.num_samples, min(round(self.options.gate * self.signal.sample_rate), self.signal.num_samples)
        x = np.concatenate([self._blocks(held, 1.0), self._blocks(N - held, 0.0)])
        peak = np.abs(x).max()
        return x / peak if self.options.level == "peak" and 0 < peak < np.inf else x

    def _blocks(self, count: int, gate: float) -> np.ndarray:
        """So many samples, the mean of all outputs, with buttons pressed or not."""
        for name, control in self.controls.items():
            if control.held and name not in self.fixed:
                self.program.set_param(control.address, gate)
        out = np.zeros((self.program.get_numoutputs(), BLOCK), np.float32)
        blocks = [np.zeros(0, np.float32)]
        for start in range(0, count, BLOCK):
            length = min(BLOCK, count - start)
            self.program.compute(length, self.silence, out)
            blocks.append(out[:, :length].mean(0))
        return np.concatenate(blocks)


def _checked(described: dict[str, Any], file: str) -> dict[str, Control]:
    """The controls of an interface. Raises ValueError for a program that is no synthesizer."""
    if described["inputs"]:
        count = described["inputs"]
        raise ValueError(
            f"{file!r} is an effect, with {count} input{'s' * (count > 1)}: a synthesizer has none. Give it a source, such as "
            "process = no.noise : effect;"
        )
    if not described["outputs"]:
        raise ValueError(f"{file!r} has no output: what is heard is what process is")
    if '"soundfile"' in json.dumps(described["ui"]):
        raise ValueError(f"{file!r} plays sound files, which is not supported: they would be missing, and silent")
    found = controls(described["ui"])
    if not found:
        raise ValueError(f"{file!r} has no control, so that there is nothing to find: hslider, nentry or checkbox make one")
    return found


def _known(names: set[str], found: dict[str, Control]) -> None:
    if unknown := sorted(names - set(found)):
        raise UsageError(f"The program has no control {unknown[0]!r}: {_listed(found)}")


def _fixed(control: Control, name: str, options: FaustOptions) -> float:
    try:
        return control.number(options.fix[name], name, options.steps)
    except (UsageError, ValueError) as error:
        raise ValueError(f"fix: {name} = {error}") from None


def _within(control: Control, name: str, value: float) -> float:
    if not control.low <= value <= control.high:
        bounds = str(Parameter(name, control.meta.get("unit", ""), control.low, control.high)) if control.low < control.high else name
        raise ValueError(f"note and velocity make {name} {value:.5g}, out of its bounds: {bounds}")
    return value


def _listed(found: dict[str, Control]) -> str:
    return f"its controls are {', '.join(f'{name} ({control.address})' for name, control in found.items())}."
