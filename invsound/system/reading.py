"""The one door for files that somebody else may have written: regular, not too large, in UTF-8, of the expected shape, or Damaged."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InvsoundError
from . import plainyaml

LIMIT = 2**26  # bytes
DEPTH = 50

Shape = Any
"""What a value must be: a function such as `number`, `[shape]` for a list, `{key: shape}` for a mapping that has these keys (one that ends
in ? may be missing) and maybe others, which are of `shape` under `...` if that is there."""


class Damaged(InvsoundError):
    """A file that cannot be what it is said to be."""

    def __init__(self, path: Path, what: str, how: str = "is damaged") -> None:
        super().__init__(f"{str(path)!r} {how}: {what}.")


def read_text(path: Path, limit: int = LIMIT) -> str:
    """The text of a file. Raises Damaged, never waits: a pipe in its place is no file."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Damaged(path, "it is no regular file")
            content = file.read(limit + 1)
        if len(content) > limit:
            raise Damaged(path, f"it has more than {limit} bytes")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise Damaged(path, error.strerror or str(error), "cannot be read") from error
    except ValueError as error:
        raise Damaged(path, f"it is no text in UTF-8 ({error})") from error


def read_json(path: Path, shape: Shape) -> Any:
    """The value in a JSON file. Raises Damaged if there is none, or of another shape."""
    return _shaped(path, _json(path, read_text(path)), shape)


def read_lines(path: Path, shape: Shape) -> list[Any]:
    """The values in a file of one JSON value a line; what is left of a last line that was never finished is none. Raises Damaged."""
    found: list[Any] = []
    *lines, last = read_text(path).split("\n")
    for number, line in enumerate([*lines, last] if last else lines, 1):
        try:
            found.append(_shaped(path, _json(path, line, f"line {number}: "), shape, f"line {number}: "))
        except Damaged:
            if number <= len(lines) or not found:
                raise
    if not found:
        raise Damaged(path, "it is empty")
    return found


def read_yaml(path: Path, limit: int = 2**18) -> dict[str, Any]:
    """The mapping in a YAML file; none of an empty one. Raises Damaged."""
    try:
        value = plainyaml.load(read_text(path, limit))
    except ValueError as error:
        raise Damaged(path, f"it cannot be read as YAML: {error}") from error
    if value is not None and not isinstance(value, dict):
        raise Damaged(path, f"it holds {_shown(value)}, not options, such as 'seed: 1'")
    return value or {}


def read_table(path: Path) -> dict[str, list[str]]:
    """The columns of a CSV file, as text, all of one length. Raises Damaged."""
    try:
        header, *rows = [row for row in csv.reader(io.StringIO(read_text(path), newline="")) if row] or [[]]
    except csv.Error as error:
        raise Damaged(path, f"it cannot be read as a table ({error})") from error
    if not header or len(set(header)) < len(header):
        raise Damaged(path, f"its first line is to name every column once, and is {_shown(header)}")
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            raise Damaged(path, f"row {number} has {len(row)} of {len(header)} values")
    return dict(zip(header, map(list, zip(*rows, strict=True)) if rows else ([] for _ in header), strict=True))


def read_numbers(path: Path, columns: dict[str, list[str]]) -> dict[str, list[float]]:
    """Those columns as finite numbers. Raises Damaged for any other."""
    found: dict[str, list[float]] = {}
    for name, texts in columns.items():
        try:
            found[name] = [float(text) for text in texts]
        except ValueError as error:
            raise Damaged(path, f"the column {_shown(name)}: {error}") from error
        if wrong := next((value for value in found[name] if not number(value)), None):
            raise Damaged(path, f"the column {_shown(name)} holds {wrong}")
    return found


def number(value: Any) -> bool:
    """a finite number"""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e300 < value < 1e300


def real(value: Any) -> bool:
    """a number"""
    return isinstance(value, float) or number(value)


def count(value: Any) -> bool:
    """a whole number from 0"""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def text(value: Any) -> bool:
    """a text"""
    return isinstance(value, str)


def anything(value: Any) -> bool:
    """anything"""
    return True


def fault(value: Any, shape: Shape, where: str = "it") -> str | None:
    """How a value differs from a shape; None if it does not."""
    if isinstance(shape, list):
        return _first(fault(item, shape[0], f"{where}[{i}]") for i, item in enumerate(value)) if isinstance(value, list) else (
            f"{where} should be a list and is {_shown(value)}"
        )  # fmt: skip
    if not isinstance(shape, dict):
        return None if shape(value) else f"{where} should be {_doc(shape)} and is {_shown(value)}"
    if not isinstance(value, dict):
        return f"{where} should be a mapping and is {_shown(value)}"
    named = {key: inner for key, inner in shape.items() if key is not ...}
    others = set(value).difference(key.removesuffix("?") for key in named) if ... in shape else ()
    found = _first(_entry(value, key, inner, where) for key, inner in named.items())
    return found or _first(fault(value[key], shape[...], f"{where}[{_shown(key)}]") for key in value if key in others)


def _entry(value: dict[str, Any], key: str, shape: Shape, where: str) -> str | None:
    name = key.removesuffix("?")
    if name not in value:
        return None if key.endswith("?") else f"{where} has no {name!r}"
    return fault(value[name], shape, f"{where}[{name!r}]")


def _first(faults: Any) -> str | None:
    return next((found for found in faults if found), None)


def _doc(leaf: Callable[[Any], bool]) -> str:
    return str(leaf.__doc__)


def _json(path: Path, content: str, where: str = "") -> Any:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Damaged(path, f"{where}it cannot be read as JSON ({error})") from error
    if _deep(value):
        raise Damaged(path, f"{where}it is nested more than {DEPTH} deep")
    return value


def _deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH):
        level = [inner for item in level if isinstance(item, (dict, list)) for inner in (item.values() if isinstance(item, dict) else item)]
    return bool(level)


def _shaped(path: Path, value: Any, shape: Shape, where: str = "") -> Any:
    if wrong := fault(value, shape):
        raise Damaged(path, where + wrong)
    return value


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:56]} …"
