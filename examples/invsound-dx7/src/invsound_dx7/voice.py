"""The 145 controls of a DX7 voice by their names, and the 155 bytes that hold them and the voice's own name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from invsound import Choice, Parameter

SIZE = 155
CURVES = ("lin-", "exp-", "exp+", "lin+")
WAVES = ("triangle", "saw down", "saw up", "square", "sine", "sample and hold")
ONOFF = ("off", "on")
STAGES = range(1, 5)


@dataclass(frozen=True)
class Control:
    """One byte of a voice: what it is as a parameter, its value in INIT VOICE, and what is added to a value."""

    parameter: Parameter | Choice
    initial: int | str
    offset: int = 0

    def byte(self, given: float | int | str) -> int:
        """Of a value as users write it. Raises invsound.UsageError for one that it does not have."""
        return int(self.parameter.number(given)) + self.offset

    def value(self, byte: int) -> int | str:
        """Of a byte; one beyond the range, as damaged banks have, is the end of the range."""
        low, high = int(self.parameter.low), int(self.parameter.high)
        return self.parameter.said(min(max(byte - self.offset, low), high))


def _number(name: str, high: int, doc: str, initial: int = 0, low: int = 0) -> Control:
    return Control(Parameter(name, "", low, high, "linear", doc, 1), initial, -low)


def _choice(name: str, options: tuple[str, ...], doc: str, initial: str) -> Control:
    return Control(Choice(name, options, doc), initial)


def _operator(k: int) -> list[Control]:
    """21 bytes."""
    return [
        *(_number(f"op{k}_rate{i}", 99, f"envelope, rate {i}", 99) for i in STAGES),
        *(_number(f"op{k}_level{i}", 99, f"envelope, level {i}", 99 * (i < 4)) for i in STAGES),
        _number(f"op{k}_breakpoint", 99, "keyboard level scaling: break point", 39),
        _number(f"op{k}_left_depth", 99, "keyboard level scaling: depth below the break point"),
        _number(f"op{k}_right_depth", 99, "keyboard level scaling: depth above it"),
        _choice(f"op{k}_left_curve", CURVES, "keyboard level scaling: curve below the break point", "lin-"),
        _choice(f"op{k}_right_curve", CURVES, "keyboard level scaling: curve above it", "lin-"),
        _number(f"op{k}_rate_scaling", 7, "keyboard rate scaling"),
        _number(f"op{k}_amp_mod_sensitivity", 3, "how much the LFO moves the level"),
        _number(f"op{k}_velocity_sensitivity", 7, "how much velocity moves the level"),
        _number(f"op{k}_output_level", 99, "output level", 99 * (k == 1)),
        _choice(f"op{k}_mode", ("ratio", "fixed"), "frequency as a ratio of the note's, or fixed", "ratio"),
        _number(f"op{k}_coarse", 31, "frequency, coarse", 1),
        _number(f"op{k}_fine", 99, "frequency, fine"),
        _number(f"op{k}_detune", 7, "detune", low=-7),
    ]


_ALL = [
    *(control for k in range(6, 0, -1) for control in _operator(k)),
    *(_number(f"pitch_rate{i}", 99, f"pitch envelope, rate {i}", 99) for i in STAGES),
    *(_number(f"pitch_level{i}", 99, f"pitch envelope, level {i}; 50 is the note", 50) for i in STAGES),
    _choice("algorithm", tuple(str(k) for k in range(1, 33)), "who modulates whom", "1"),
    _number("feedback", 7, "of the operator that modulates itself"),
    _choice("osc_sync", ONOFF, "oscillators begin anew with each note", "on"),
    _number("lfo_speed", 99, "LFO: speed", 35),
    _number("lfo_delay", 99, "LFO: delay"),
    _number("lfo_pitch_depth", 99, "LFO: depth of pitch modulation"),
    _number("lfo_amp_depth", 99, "LFO: depth of amplitude modulation"),
    _choice("lfo_sync", ONOFF, "LFO begins anew with each note", "on"),
    _choice("lfo_wave", WAVES, "LFO: waveform", "triangle"),
    _number("pitch_mod_sensitivity", 7, "how much the LFO moves the pitch", 3),
    _number("transpose", 24, "semitones", low=-24),
]
CONTROLS = {control.parameter.name: control for control in _ALL}
"""name → control, in the order of a voice's bytes."""
INITIAL: dict[str, int | str] = {name: control.initial for name, control in CONTROLS.items()}
"""INIT VOICE, as a DX7 makes it: a sine."""


def encoded(values: Mapping[str, Any], name: str = "INVSOUND") -> bytes:
    """155 bytes of named values; what is not named is as in INIT VOICE. Raises invsound.UsageError for a value out of range."""
    chosen = INITIAL | {key: value for key, value in values.items() if key in CONTROLS}
    letters = "".join(letter if " " <= letter <= "~" else "?" for letter in name)
    return bytes(control.byte(chosen[key]) for key, control in CONTROLS.items()) + letters[:10].ljust(10).encode("ascii")


def decoded(voice: bytes) -> dict[str, int | str]:
    """name → value of 155 bytes."""
    return {name: control.value(byte & 0x7F) for (name, control), byte in zip(CONTROLS.items(), voice, strict=False)}


def title(voice: bytes) -> str:
    """The voice's name."""
    return "".join(chr(byte & 0x7F) if 32 <= byte & 0x7F < 127 else "?" for byte in voice[145:155]).rstrip()
