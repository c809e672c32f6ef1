"""Where a key belongs that was given in the wrong place."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ..errors import InvsoundError, UsageError, nearest
from ..hooks import registry
from ..synth import stated


def options_of(parts: Mapping[str, Any]) -> dict[str, type]:
    """kind → the options of its part, of those in `parts` that can be loaded."""
    found = {}
    for kind, name in parts.items():
        try:
            found[kind] = registry.load(registry.find(kind, name)).Options
        except InvsoundError:
            continue
    return found


def hint(key: str, groups: Mapping[str, type], synth: str | None) -> str:
    """`" Did you mean train.epochs?"`, for an option without its group; for a parameter of the synth, what takes one; or nothing."""
    keys = {f"{group}.{field.name}": field.name for group, cls in groups.items() for field in dataclasses.fields(cls)}
    same = [dotted for dotted, name in keys.items() if name.casefold() == key.casefold()]
    if same:
        return f" Did you mean {' or '.join(same)}?"
    if synth is not None and (told := parameter(key, synth)):
        return told
    near = nearest(key, [*groups, *keys.values()])
    meant = [repr(near)] if near in groups else [dotted for dotted, name in keys.items() if name == near]
    return f" Did you mean {' or '.join(meant)}?" if meant else ""


def parameter(key: str, synth: str) -> str:
    """What takes a parameter of the synth, if `key` is the name of one."""
    try:
        names = stated(registry.build("synth", synth)).space.names
    except InvsoundError:
        return ""
    takers = f"invsound render --synth {synth} {key}=VALUE makes its sound, invsound match --fix {key}=VALUE holds it"
    return f" {key} is a parameter of the synth {synth}: {takers}, and a run learns it." if key in names else ""


def check_names(synth: str, cls: type, given: Mapping[str, Any]) -> None:
    """Raise UsageError for a parameter of the synth among its options."""
    for key in set(given) - {field.name for field in dataclasses.fields(cls)}:
        if told := parameter(key, synth):
            raise UsageError(f"synth {synth} has no option {key!r}.{told}")
