"""Tables of parameters: one row per sound, one column per parameter, in physical units, and the sounds that were recorded."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import torch
from torch import Tensor

from ..audio import recording as recordings
from ..errors import InvsoundError, UsageError, did_you_mean
from ..parameter import Choice, Parameter
from ..space import Space
from ..synth import Synth
from ..system import progress
from ..system.reading import Damaged, read_text

UNIT = re.compile(r" \([^)]*\)$")


@dataclass(frozen=True)
class Listed:
    """The rows of a table: θ [n, P] in float64, and where it has such columns their folds, and the names of their sounds."""

    theta: Tensor
    folds: list[str] | None
    sounds: list[str] | None


def read_table(path: Path, space: Space, folds: Sequence[str]) -> Listed:
    """A CSV file with a column for each parameter, its unit behind it or not, and those named `fold` and `sound`; others are ignored.

    Where there are sounds, rows without any parameter are left out: what could not be matched. Raises UsageError, with file, line and
    column, for a missing column, a value that is no number or option, or out of bounds, and a fold that is none of `folds`.
    """
    columns, rows = _read(path)
    if "sound" in columns:
        known = [(line, row) for line, row in rows if any(row.get(name) for name in space.names)]
        if left := len(rows) - len(known):
            progress.log.info("%s: left out are %d of %d sounds, which have no parameters", path, left, len(rows))
        rows = known
    for name in space.names:
        if name not in columns:
            found = ", ".join(columns)
            raise UsageError(f"{path}: no column {name!r}.{did_you_mean(name, columns)} Needed: {', '.join(space.names)}. Found: {found}.")
    theta = [[_value(f"{path}, line {line}", row[p.name], p) for p in space] for line, row in rows]
    names = [_fold(f"{path}, line {line}", row["fold"], folds) for line, row in rows] if "fold" in columns else None
    return Listed(torch.tensor(theta, dtype=torch.float64), names, [row["sound"] for _, row in rows] if "sound" in columns else None)


def sounds(synth: Synth, table: str, names: Sequence[str]) -> Tensor:
    """x [n, N] of recordings that lie in the folder of a table, or below it, made into the synth's signal: NaN, nothing was recorded, from
    where one is cut or faded out while it sounds. Raises UsageError elsewhere."""
    heard = {name: _sound(synth, Path(table), name) for name in dict.fromkeys(names)}
    return torch.stack([heard[name] for name in names])


def _sound(synth: Synth, table: Path, name: str) -> Tensor:
    folder, path = table.parent.resolve(), (table.parent / name).resolve()
    if not name or PurePath(name).is_absolute() or folder not in path.parents:
        raise UsageError(f"{table}, column 'sound': a sound is a file in the folder of the table, or below it, got {name!r}.")
    try:
        recording = recordings.load_for(synth, path)
    except InvsoundError as error:
        raise UsageError(f"{table}, column 'sound': {error}") from error
    return recording.x if recording.end is None else recording.x.index_fill(0, torch.arange(recording.end, len(recording.x)), torch.nan)


def _read(path: Path) -> tuple[Sequence[str], list[tuple[int, dict[str, str]]]]:
    """The columns of a file, and its rows with their line numbers."""
    try:
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""), restval="", skipinitialspace=True)
        reader.fieldnames = [UNIT.sub("", name) for name in reader.fieldnames or ()]
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
