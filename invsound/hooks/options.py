"""Options: dataclass defaults ⊕ `--config file.yaml` ⊕ `key=value`, merged and type-checked by OmegaConf, and never interpolated."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from ..errors import UsageError, did_you_mean
from ..system import plainyaml, reading
from .bounds import bounds, check_bounds, default, fault


def is_options(cls: Any) -> bool:
    """Whether `cls` is a dataclass type, as an `Options` attribute must be."""
    return inspect.isclass(cls) and dataclasses.is_dataclass(cls)


def resolve(cls: Any, given: Mapping[str, Any], owner: str) -> Any:
    """An instance of the dataclass `cls` from a mapping.

    Raises UsageError naming the owner, the option, the value, the expected type and bounds, and the nearest key.
    """
    from omegaconf import OmegaConf

    schema = OmegaConf.structured(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key, value in given.items():
        if key not in fields:
            raise UsageError(f"{owner} has no option {key!r}.{did_you_mean(key, fields)} Options: {', '.join(fields) or 'none'}.")
        try:
            if not _fits(value, get_type_hints(cls)[key]):
                raise TypeError(key)
            OmegaConf.update(schema, key, _literal(value), merge=False)
        except Exception as error:  # a number too long to be read, a mapping that holds itself: OmegaConf has errors of its own, and others
            raise UsageError(_refusal(cls, owner, fields[key], value)) from error
    for key, value in _plain(schema, owner).items():
        if wrong := fault(cls, fields[key], value):
            raise UsageError(_refusal(cls, owner, fields[key], value, wrong))
    return _made(schema, owner)


def _fits(value: Any, hint: Any) -> bool:
    """Whether OmegaConf may have it: it takes any number for a truth value, and a truth value for a text."""
    kinds = {*(get_args(hint) or (hint,))} - {type(None)}
    return Any in kinds or (bool in kinds if isinstance(value, bool) else not (kinds == {bool} and isinstance(value, (int, float))))


def _plain(schema: Any, owner: str) -> dict[str, Any]:
    from omegaconf import OmegaConf

    try:
        plain: dict[str, Any] = OmegaConf.to_container(schema, resolve=True)  # type: ignore[assignment]
    except Exception as error:
        raise UsageError(f"{owner}: {error}") from error
    return plain


def _made(schema: Any, owner: str) -> Any:
    from omegaconf import OmegaConf

    try:
        made = OmegaConf.to_object(schema)
        check_bounds(made)
    except Exception as error:  # what a stranger's __post_init__ raises is a value that it does not take
        raise UsageError(f"{owner}: {getattr(error, 'msg', None) or error}") from error
    return made


def _refusal(cls: Any, owner: str, field: dataclasses.Field[Any], value: Any, wanted: str = "") -> str:
    got, expected = repr(value), _article(type_name(field)) + (f", {wanted}" if wanted else "")
    got = got if len(got) <= 80 else f"{got[:76]} …"
    near = did_you_mean(value, bounds(cls, field.name).choices) if wanted and isinstance(value, str) else ""
    return f"{owner}: option {field.name} takes {expected}, got {got}.{near} The default is {default(field)!r}."


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


def unusual(made: Any) -> dict[str, Any]:
    """The options that are not at their defaults, as `as_dict` has them."""
    usual = {field.name: default(field) for field in dataclasses.fields(made) if field.init}
    return {name: value for name, value in as_dict(made).items() if name in usual and value != plain(usual[name])}


def as_dict(options: Any) -> dict[str, Any]:
    """A dataclass instance as plain YAML-ready values (tuples become lists)."""
    listed: dict[str, Any] = plain(dataclasses.asdict(options))
    return listed


def plain(value: Any) -> Any:
    """A value with its tuples as lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def help_lines(cls: Any) -> dict[str, str]:
    """option → its line in the docstring of the dataclass, or of the one it inherits from (`name: what it is`)."""
    docs = (vars(base).get("__doc__") or "" for base in reversed(cls.__mro__[:-1]))
    lines = {name: text for doc in docs for name, _, text in (line.strip().partition(": ") for line in doc.splitlines())}
    return {field.name: lines[field.name] for field in dataclasses.fields(cls) if field.name in lines}


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
    if not os.path.exists(path):  # which a name that the system refuses does not
        raise UsageError(f"There is no options file {str(path)!r}. Give --config a YAML file, such as the config.yaml of a run.")
    try:
        return reading.read_yaml(path)
    except reading.Damaged as error:
        raise UsageError(f"{error} Give a YAML file of options, such as the config.yaml of a run.") from error


def group(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The options of one group, none if it is not there. Raises UsageError where a value stands for the group."""
    value = given.get(name, {})
    if not isinstance(value, Mapping):
        raise UsageError(f"{name} is a group of options, got {value!r}. Write {name}.option=value.")
    return dict(value)


def merge(*layers: Mapping[str, Any], under: str = "") -> dict[str, Any]:
    """Nested mappings merged, the last one wins. Raises UsageError where a value and a group meet: one of them would be lost."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            before = merged.get(key)
            groups = isinstance(value, Mapping) + isinstance(before, Mapping)
            if groups == 1 and None not in (value, before):
                raise UsageError(f"{under}{key} is a group of options, got {before if isinstance(value, Mapping) else value!r}.")
            merged[key] = merge(before or {}, value, under=f"{under}{key}.") if groups == 2 else value
    return merged
