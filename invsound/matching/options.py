"""The options of matching."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..hooks import options
from ..hooks.bounds import check_bounds, option, seed_option


@dataclass
class MatchOptions:
    """How a sound is matched.

    candidates: random sounds it is compared with
    starts: regions that are surveyed and points that are handed to the solver
    guess: whether the synth listens, which takes its time of the budget; where an encoder does, it may be spared
    sketch: whether sounds are compared in timbre and with the waveform first, where nobody listens and no evaluations are counted
    brief: whether a sound that is over early is searched for in its first quarter or half before all of it, where time is counted
    survey: whether candidates are refined by regression models before the solver begins
    keep: distinct solutions to return
    budget: time to search for one sound, in seconds or as 90s or 2min; candidates, shared by all sounds, and errors come on top (null: any)
    evaluations: sounds computed per target, candidates included; a Jacobian counts one or two per parameter (null: any number)
    fix: parameters that are held, and their values in their units, or the names of their options
    free: parameters that are estimated; the others are held, at mid-range where `fix` does not say (null: all)
    start: parameters of a sound that the search begins from too, and their values; the others at mid-range
    encoder: a trained encoder that adds a start: the name of one that is installed, or the folder of a run or an export
    floor: whether sounds are heard above the noise of the recording, where there is any
    room: seconds in which a room falls by 60 dB that recording and sounds are both heard in, so that its own matters less (null: none)
    yardstick: folder of other recordings, the nearest of which is told beside the match
    own: sounds of the synth's own that are matched first, each with this budget, to say what the search leaves of them; once for all
    seed: seed of candidates and survey
    nuisance: seed of what is random in the synth's sounds and not asked for, the same in all of them
    """

    candidates: int = option(256, low=1, high=10**6)
    starts: int = option(4, low=1, high=10_000)
    guess: bool = True
    sketch: bool = True
    brief: bool = True
    survey: bool = True
    keep: int = option(1, low=1, high=10_000)
    budget: int | float | str | None = option(60, above=0, high=10**7, unit="s")
    evaluations: int | None = option(None, low=1, high=10**9)
    fix: dict[str, Any] = field(default_factory=dict)
    free: list[str] | None = None
    start: dict[str, Any] = field(default_factory=dict)
    encoder: str | None = None
    floor: bool = True
    room: float | None = option(None, above=0, high=10, unit="s")
    yardstick: str | None = None
    own: int = option(0, low=0, high=1000)
    seed: int = seed_option()
    nuisance: int = seed_option()

    def __post_init__(self) -> None:
        self.budget = _seconds(self.budget)
        check_bounds(self)


def _seconds(text: int | float | str | None) -> float | None:
    """`90`, `"90s"`, `"1.5 min"`."""
    if isinstance(text, str):
        matched = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(s|min|h)?\s*", text)
        if not matched:
            raise ValueError(f"budget is a time such as 60s or 2min, got {text!r}")
        return float(matched[1]) * {"h": 3600.0, "min": 60.0}.get(matched[2], 1.0)
    return text


def groups(overrides: Sequence[str], how: Mapping[str, Any]) -> dict[str, Any]:
    """Options by group, from "group.key=value" and from fields of `MatchOptions`; "seed=1" is "match.seed=1"."""
    given = options.from_overrides(overrides)
    if "seed" in given:
        given = options.merge(given, {"match": {"seed": given.pop("seed")}})
    return options.merge(given, {"match": dict(how)}) if how else given
