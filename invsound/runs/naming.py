"""What configurations are called: by the options that tell them apart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ..hooks.options import merge
from ..system.files import safe_name


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"train": {"epochs": 3}}` → `{"train.epochs": 3}`."""
    found: dict[str, Any] = {}
    for key, value in nested.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """`{"train.epochs": 3}` → `{"train": {"epochs": 3}}`; what is nested already stays so."""
    layers = []
    for key, value in dotted.items():
        layer = nested(value) if isinstance(value, Mapping) else value
        for name in reversed(str(key).split(".")):
            layer = {name: layer}
        layers.append(layer)
    return merge(*layers)


def short(keys: list[str]) -> dict[str, str]:
    """Dotted key → its last word, or the whole key where two end alike."""
    last = {key: key.rpartition(".")[2] for key in keys}
    return {key: name if list(last.values()).count(name) == 1 else key.removeprefix("parts.") for key, name in last.items()}


def label(options: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """`"loss=perceptual, lr=0.001"`."""
    return ", ".join(f"{names[key]}={_text(value)}" for key, value in options.items())


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "+".join(map(_text, value))
    return {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)


def file_name(name: str) -> str:
    """A folder for what is called `name`: as written where a file system allows it, else told apart by a digest."""
    plain = name.replace(", ", ",")
    safe = safe_name(plain, "-_.=,+").lstrip(".-")
    return safe if safe == plain and len(safe) <= 100 else f"{safe[:80] or '_'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
