"""Options: dataclass defaults ⊕ `--config file.yaml` ⊕ `key=value`, merged and type-checked by OmegaConf, and never interpolated."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError, did_you_mean
from ..system import plainyaml, reading


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
            OmegaConf.update(schema, key, _literal(value), merge=False)
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


def _literal(value: Any) -> Any:
    """`value` as OmegaConf takes it: a list for a tuple, and `${…}` escaped, for values are data."""
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + r"\${", value)
    if isinstance(value, (list, tuple)):
        return [_literal(item) for item in value]
    return {key: _literal(item) for key, item in value.items()} if isinstance(value, Mapping) else value


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
    plain: dict[str, Any] = _listed(dataclasses.asdict(options))
    return plain


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value


def help_lines(cls: Any) -> dict[str, str]:
    """option → its line in the dataclass's docstring (`name: what it is`)."""
    lines = (line.strip().partition(": ") for line in (inspect.getdoc(cls) or "").splitlines())
    names = {field.name for field in dataclasses.fields(cls)}
    return {name: text for name, _, text in lines if name in names}


def from_overrides(pairs: Iterable[str]) -> dict[str, Any]:
    """`["feature.J=10", "seed=1"]` → `{"feature": {"J": 10}, "seed": 1}`; values are YAML."""
    return merge(*map(_override, pairs))


def _override(pair: str) -> dict[str, Any]:
    key, equals, text = pair.partition("=")
    if not equals:
        raise UsageError(f"An override is key=value, got {pair!r}. For example: train.epochs=20.")
    try:
        value = plainyaml.load(text)
    except ValueError as error:
        raise UsageError(f"The override {pair} cannot be read as key=value: {error}") from error
    for name in reversed(key.split(".")):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def from_file(path: Path) -> dict[str, Any]:
    """A YAML file of options. Raises UsageError if it is missing or is no YAML mapping."""
    if not path.exists():
        raise UsageError(f"There is no options file {str(path)!r}. Give --config a YAML file, such as the config.yaml of a run.")
    try:
        return reading.read_yaml(path)
    except reading.Damaged as error:
        raise UsageError(f"{error} Give a YAML file of options, such as the config.yaml of a run.") from error


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings merged, the last one wins."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
            merged[key] = merge(merged[key], value) if both else value
    return merged
