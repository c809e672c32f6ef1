"""Options: dataclass defaults ⊕ `--config file.yaml` ⊕ `key=value`, merged and type-checked by OmegaConf."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError, did_you_mean


def is_options(cls: Any) -> bool:
    """Whether `cls` is a dataclass type, as an `Options` attribute must be."""
    return inspect.isclass(cls) and dataclasses.is_dataclass(cls)


def resolve(cls: Any, given: Mapping[str, Any], owner: str) -> Any:
    """An instance of the dataclass `cls` from a mapping.

    Raises UsageError naming the owner, the option, the value, the expected type and the nearest key.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    schema = OmegaConf.structured(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key, value in given.items():
        if key not in fields:
            raise UsageError(f"{owner} has no option {key!r}.{did_you_mean(key, fields)} Options: {', '.join(fields) or 'none'}.")
        try:
            OmegaConf.update(schema, key, list(value) if isinstance(value, tuple) else value, merge=False)
        except OmegaConfBaseException as error:
            expected = type_name(fields[key])
            raise UsageError(
                f"{owner}: option {key} takes {_article(expected)}, got {value!r}. The default is {default(fields[key])!r}."
            ) from error
    try:
        return OmegaConf.to_object(schema)
    except OmegaConfBaseException as error:
        raise UsageError(f"{owner}: {error.msg if hasattr(error, 'msg') else error}") from error
    except (ValueError, TypeError) as error:
        raise UsageError(f"{owner}: {error}") from error


def _article(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def type_name(field: dataclasses.Field[Any]) -> str:
    """A field's type as its author wrote it."""
    return field.type.__name__ if isinstance(field.type, type) else str(field.type).replace("typing.", "")


def default(field: dataclasses.Field[Any]) -> Any:
    """A field's default value."""
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def as_dict(options: Any) -> dict[str, Any]:
    """A dataclass instance as plain YAML-ready values (tuples become lists)."""
    from omegaconf import OmegaConf

    plain = OmegaConf.to_container(OmegaConf.structured(options))
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def help_lines(cls: Any) -> dict[str, str]:
    """option → its line in the dataclass's docstring (`name: what it is`)."""
    lines = (line.strip().partition(": ") for line in (inspect.getdoc(cls) or "").splitlines())
    names = {field.name for field in dataclasses.fields(cls)}
    return {name: text for name, _, text in lines if name in names}


def from_overrides(pairs: Iterable[str]) -> dict[str, Any]:
    """`["feature.J=10", "seed=1"]` → `{"feature": {"J": 10}, "seed": 1}`; values are YAML."""
    from omegaconf import OmegaConf

    pairs = list(pairs)
    for pair in pairs:
        if "=" not in pair:
            raise UsageError(f"An override is key=value, got {pair!r}. For example: train.epochs=20.")
    try:
        merged = OmegaConf.to_container(OmegaConf.from_dotlist(pairs))
    except Exception as error:
        raise UsageError(f"The overrides {' '.join(pairs)} cannot be read as key=value: {error}") from error
    assert isinstance(merged, dict)
    return {str(key): value for key, value in merged.items()}


def from_file(path: Path) -> dict[str, Any]:
    """A YAML file of options. Raises UsageError if it is missing or is no YAML mapping."""
    from omegaconf import OmegaConf

    if not path.is_file():
        raise UsageError(f"There is no options file {str(path)!r}. Give --config a YAML file, such as the config.yaml of a run.")
    try:
        loaded = OmegaConf.to_container(OmegaConf.load(path))
    except Exception as error:
        raise UsageError(f"{str(path)!r} cannot be read as YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise UsageError(f"{str(path)!r} holds {type(loaded).__name__}, not options. Write lines such as 'seed: 1'.")
    return {str(key): value for key, value in loaded.items()}


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings merged, the last one wins."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
            merged[key] = merge(merged[key], value) if both else value
    return merged
