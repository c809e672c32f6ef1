"""Tables of parameters: one row per sound, one column per parameter, in physical units."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..errors import UsageError, did_you_mean
from ..parameter import Choice, Parameter
from ..space import Space
from ..system.reading import Damaged, read_text


def read_table(path: Path, space: Space, folds: Sequence[str]) -> tuple[Tensor, list[str] | None]:
    """θ [n, P] in float64 from a CSV file, and each row's fold where there is a column `fold`; other columns are ignored.

    Raises UsageError, with file, line and column, for a missing column, a value that is no number or option, or out of
    bounds, and a fold that is none of `folds`.
    """
    columns, rows = _read(path)
    for name in space.names:
        if name not in columns:
            found = ", ".join(columns)
            raise UsageError(f"{path}: no column {name!r}.{did_you_mean(name, columns)} Needed: {', '.join(space.names)}. Found: {found}.")
    theta = [[_value(f"{path}, line {line}", row[p.name], p) for p in space] for line, row in rows]
    names = [_fold(f"{path}, line {line}", row["fold"], folds) for line, row in rows] if "fold" in columns else None
    return torch.tensor(theta, dtype=torch.float64), names


def _read(path: Path) -> tuple[Sequence[str], list[tuple[int, dict[str, str]]]]:
    """The columns of a file, and its rows with their line numbers."""
    try:
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""), restval="", skipinitialspace=True)
        rows = [(reader.line_num, row) for row in reader]
    except Damaged as error:
        raise UsageError(f"{error} A table has a line of column names and one line per sound.") from error
    except csv.Error as error:
        raise UsageError(f"Cannot read {path} as a table: {error}.") from error
    if not rows:
        raise UsageError(f"{path} has no rows. It needs a line of column names and one line per sound.")
    return reader.fieldnames or [], rows


def _value(where: str, text: str, p: Parameter | Choice) -> float:
    try:
        value = text if p.options else float(text)
    except ValueError:
        raise UsageError(f"{where}, column {p.name!r}: needs a number between {p.low:g} and {p.high:g} {p.unit}, got {text!r}.") from None
    try:
        return p.number(value)
    except UsageError as error:
        raise UsageError(f"{where}, column {p.name!r}: {error}") from None


def _fold(where: str, text: str, folds: Sequence[str]) -> str:
    if text not in folds:
        raise UsageError(f"{where}, column 'fold': got {text!r}.{did_you_mean(text, folds)} Available: {', '.join(folds)}.")
    return text
