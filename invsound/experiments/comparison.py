"""Comparison of finished runs: seeds grouped into configurations, medians over seeds, intervals, and significance over sounds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import UsageError, did_you_mean
from ..pages import card
from ..pages import comparison as page
from ..runs.config import PARTS
from ..runs.naming import label, short
from ..system import progress
from ..system.claim import claimed
from ..system.files import check_folder
from ..table import Shown, Table
from . import results, statistics
from .results import Column, Result, Sound


@dataclass(frozen=True)
class Cell:
    """One column of one configuration: a value per seed, their median, its 95 % interval, and p against the reference.

    `low` and `high` are None for one seed; `p` is None where sounds cannot be paired, and for the reference itself.
    """

    values: list[float]
    median: float
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True)
class Configuration:
    """Runs that differ only in their seed, in the order of the seeds."""

    name: str
    runs: list[Result]
    cells: dict[Column, Cell]

    @property
    def seeds(self) -> list[int]:
        return [run.seed for run in self.runs]


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """Configurations (rows) by columns; a configuration lacks the cells of what it has not."""

    against: str
    columns: list[Column]
    configurations: list[Configuration]

    def as_dict(self) -> dict[str, Any]:
        """What `invsound compare --json` prints."""
        columns = [{"name": c.name, "unit": c.unit, "group": c.group} for c in self.columns]
        rows = [
            {
                "name": row.name,
                "seeds": row.seeds,
                "folders": [str(run.folder) for run in row.runs],
                "cells": {column.name: dataclasses.asdict(cell) for column, cell in row.cells.items()},
            }
            for row in self.configurations
        ]
        return {"against": self.against, "columns": columns, "configurations": rows}

    def table(self) -> Table:
        """A row for each configuration and column."""
        cells = [(row, column, row.cells[column]) for row in self.configurations for column in self.columns if column in row.cells]
        columns: dict[str, list[Any]] = {"configuration": [row.name for row, _, _ in cells]}
        columns |= {"seeds": [len(row.seeds) for row, _, _ in cells], "of": [column.name for _, column, _ in cells]}
        columns |= {"unit": [column.unit for _, column, _ in cells]}
        columns |= {key: [getattr(cell, key) for _, _, cell in cells] for key in ("median", "low", "high", "p")}
        return Table(f"{len(self.configurations)} configurations against {self.against}", columns)

    def _repr_html_(self) -> str:
        return card.of_comparison(self.as_dict(), self.shown())

    def shown(self) -> list[page.Column]:
        """The columns as a page shows them."""
        cells = {column: [row.cells.get(column) for row in self.configurations] for column in self.columns}
        return [
            page.Column(column.name, column.unit, column.group, [dataclasses.asdict(cell) if cell else None for cell in cells[column]])
            for column in self.columns
        ]


def compare(
    runs: Path | str | Sequence[Path | str], *, against: str | None = None, out: Path | str | None = None, seed: int = 0
) -> Comparison:
    """Compare finished runs: run folders, and folders that hold them at any depth.

    Runs that differ only in seed are one configuration, named as its sweep names it, or by the options that tell it from the others.
    Each column has the median over its seeds, a bootstrap 95 % interval of it, and p of a permutation test, paired over test sounds,
    against the configuration named `against` (the first if None). With `out`, comparison.csv, .json, .md and .html are written there.
    `seed` is that of the resampling. Raises UsageError for a missing folder or name and where no run is finished, InvsoundError for a
    damaged file.
    """
    paths = [runs] if isinstance(runs, (str, Path)) else runs
    if out is None:
        return _compare(paths, against, seed)
    check_folder(out)
    with claimed(out) as folder:
        comparison = _compare(paths, against, seed)
        page.write(comparison.as_dict(), comparison.shown(), folder)
        return comparison


def _compare(paths: Sequence[Path | str], against: str | None, seed: int) -> Comparison:
    groups = _groups(results.find(paths))
    names = _given_names(groups) or _names([group[0].options for group in groups])
    reference = _reference(names, against)
    columns = list(dict.fromkeys(column for group in groups for run in group for column in run.values))
    columns.sort(key=lambda column: ("scores", "errors", "seconds").index(column.group))
    rows = [
        Configuration(name, group, _cells(group, [] if i == reference else groups[reference], columns, seed))
        for i, (name, group) in enumerate(zip(names, groups, strict=True))
    ]
    return Comparison(names[reference], columns, rows)


def _groups(runs: list[Result]) -> list[list[Result]]:
    """Runs of the same options, by seed; one that only repeats another says nothing new."""
    groups: dict[str, dict[int, Result]] = {}
    for run in runs:
        group = groups.setdefault(json.dumps(run.options, sort_keys=True), {})
        if run.seed in group:
            progress.log.warning("%s repeats %s, options and seed, and is left out.", run.folder, group[run.seed].folder)
        group.setdefault(run.seed, run)
    return [[group[seed] for seed in sorted(group)] for group in groups.values()]


def _given_names(groups: list[list[Result]]) -> list[str] | None:
    """The names of sweeps, if every configuration has one, and one of its own."""
    names = [name for group in groups if len(given := {run.name for run in group}) == 1 for name in given if name]
    return names if len(set(names)) == len(groups) else None


def _names(configurations: list[dict[str, Any]]) -> list[str]:
    """Each configuration by the options that differ; those of a part only where others have the same part."""
    telling = [key for key in dict.fromkeys(k for options in configurations for k in options) if _differs(key, configurations)]
    words = short(telling)
    return [
        label({key: options[key] for key in telling if key in options}, words) or "-".join(options[f"parts.{kind}"] for kind in PARTS[:3])
        for options in configurations
    ]


def _differs(key: str, configurations: list[dict[str, Any]]) -> bool:
    kind = key.partition(".")[0]
    found: dict[str, set[str]] = {}
    for options in configurations:
        found.setdefault(options[f"parts.{kind}"] if kind in PARTS else "", set()).add(json.dumps(options.get(key)))
    return any(len(values) > 1 for values in found.values())


def _reference(names: list[str], against: str | None) -> int:
    if against is not None and against not in names:
        raise UsageError(f"No configuration named {against!r}.{did_you_mean(against, names)} Compared: {'; '.join(names)}.")
    return 0 if against is None else names.index(against)


def _cells(group: list[Result], reference: list[Result], columns: list[Column], seed: int) -> dict[Column, Cell]:
    return {column: _cell(group, reference, column, seed) for column in columns if any(column in run.values for run in group)}


def _cell(group: list[Result], reference: list[Result], column: Column, seed: int) -> Cell:
    values = [run.values[column] for run in group if column in run.values]
    low, high = statistics.bootstrap(values, seed) or (None, None)
    d = differences(group, reference, column)
    return Cell(values, statistics.median(values), low, high, statistics.permutation(d, seed) if len(d) else None)


def differences(group: list[Result], reference: list[Result], column: Column) -> Tensor:
    """Per test sound that both heard with the same seed: what `group` has more of than `reference`, the mean over those seeds."""
    found: dict[Sound, list[float]] = {}
    other = {run.seed: run for run in reference}
    for run in group:
        paired = other.get(run.seed)
        if paired is None or column not in run.terms or column not in paired.terms or run.sounds != paired.sounds:
            continue
        for sound, d in zip(run.sounds, (run.terms[column] - paired.terms[column]).tolist(), strict=True):
            found.setdefault(sound, []).append(d)
    return torch.tensor([sum(ds) / len(ds) for ds in found.values()], dtype=torch.float64)
