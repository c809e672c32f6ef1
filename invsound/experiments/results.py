"""What a finished run found, read from its folder: one value per column of a comparison, and what each test sound adds to it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InvsoundError, UsageError
from ..hooks import options
from ..pages import record
from ..runs import folder as folders
from ..runs.config import PARTS
from ..runs.naming import flat
from ..system import progress, reading
from .statistics import median

Sound = tuple[tuple[str, str], ...]
"""A test sound, known by its true parameters."""


@dataclass(frozen=True)
class Column:
    """A quantity of which less is better; its group is scores, errors or seconds."""

    group: str
    kind: str
    of: str
    unit: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind} of {self.of}" if self.group == "errors" else f"{self.kind} {self.of}"


@dataclass(frozen=True)
class Result:
    """A finished run: its options but for the seed, flat; `values` by column; and the name that its sweep gave it."""

    folder: Path
    options: dict[str, Any]
    seed: int
    values: dict[Column, float]
    name: str | None = None

    @cached_property
    def _predictions(self) -> dict[str, list[str]]:
        return record.predictions(self.folder) if os.path.lexists(self.folder / "predictions.csv") else {}

    @cached_property
    def sounds(self) -> list[Sound]:
        """The test sounds, in order."""
        true = {name: values for name, values in self._predictions.items() if name.startswith("true_")}
        return [tuple(zip(true, row, strict=True)) for row in zip(*true.values(), strict=True)]

    @cached_property
    def terms(self) -> dict[Column, Tensor]:
        """Column → [n], one term per test sound, whose mean is the column's value; of the columns that are means over sounds."""
        columns = _tensors(record.distances(self.folder) if os.path.lexists(self.folder / "distances.csv") else {})
        found = {}
        for column in self.values:
            if column.group == "scores" and f"{column.of}_trained" in columns:
                weight = columns.get(f"weight_{column.of}") if column.kind == "micro" else torch.ones(())
                if weight is not None:
                    found[column] = columns[f"{column.of}_trained"] * weight / weight.mean()
            elif column.group == "errors" and {f"predicted_{column.of}", f"true_{column.of}"} <= self._predictions.keys():
                found[column] = self._missed(column)
        return {column: term for column, term in found.items() if len(term) == len(self.sounds)}

    def _missed(self, column: Column) -> Tensor:
        """|Δθ| [n] of a parameter; of a choice, 1 where the option is wrong."""
        told = {key: self._predictions[f"{key}_{column.of}"] for key in ("predicted", "true")}
        if column.unit == record.WRONG:
            return torch.tensor([float(a != b) for a, b in zip(*told.values(), strict=True)], dtype=torch.float64)
        numbers = _tensors(record.numbers(self.folder, "predictions.csv", told))
        return (numbers["predicted"] - numbers["true"]).abs()


def find(paths: Iterable[Path | str]) -> list[Result]:
    """The finished runs among folders and what they contain, each once; an unfinished one is said and left out.

    Raises UsageError for a folder that does not exist and where no finished run is found, InvsoundError for a damaged file.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        if not os.path.isdir(path):
            raise UsageError(f"There is no folder {str(path)!r}. Give run folders, or folders that hold them.")
        files = sorted(file for name in ("config.yaml", "scores.json") for file in path.rglob(name))
        found |= {file.parent.resolve(): file.parent for file in files if file.parent.resolve() not in found}
    finished = [run for run in found.values() if os.path.lexists(run / "scores.json")]
    for run in found.values():
        if run not in finished:
            progress.log.warning("%s is not finished and left out. Go on with it by: invsound run --resume %s", run, run)
    if not finished:
        raise UsageError("There is no finished run to compare. Give folders that `invsound run` or `invsound sweep` wrote.")
    return [read(run) for run in finished]


def read(run: Path) -> Result:
    """The result of a finished run. Raises UsageError if it is no run folder, InvsoundError if one of its files is damaged."""
    config, scores = options.from_file(folders.existing(run) / "config.yaml"), record.scores(run, record.COMPARED)
    if wrong := reading.fault(config, {"parts": dict.fromkeys(PARTS, reading.text), "seed": reading.count}):
        raise InvsoundError(f"{str(run / 'config.yaml')!r} is damaged: {wrong}. Run it anew, or leave this run out.")
    chosen = flat({key: value for key, value in config.items() if key != "seed"})
    return Result(run, chosen, config["seed"], _values(run, scores), _name(run))


def _name(run: Path) -> str | None:
    file = run.parent / folders.NAME
    try:
        return reading.read_text(file, 2**12).strip() or None if os.path.lexists(file) else None
    except reading.Damaged as error:
        progress.log.warning("%s Its runs are named by their options.", error)
        return None


def _values(run: Path, scores: dict[str, Any]) -> dict[Column, float]:
    values: dict[Column, float] = {
        Column("scores", average, name): value
        for name, estimates in scores["scores"].items()
        for average, value in estimates["trained"].items()
    }
    values |= {Column("errors", "error", name, row["unit"]): row["trained"] for name, row in scores["parameters"].items()}
    return values | {column: value for column, value in _seconds(run).items() if value is not None}


def _seconds(run: Path) -> dict[Column, float | None]:
    """Per epoch (the median of all), per step, and for the preparation, as far as they are known."""
    epochs = [epoch for epoch in record.epochs(run) if epoch["epoch"] > 0] if os.path.lexists(run / "metrics.jsonl") else []
    timed = [epoch for epoch in epochs if "seconds" in epoch]
    epoch = median([float(epoch["seconds"]) for epoch in timed]) if timed else None
    steps = median([float(epoch.get("steps", 0)) for epoch in timed]) if timed else 0
    step = epoch / steps if epoch is not None and steps > 0 else None
    spent = record.seconds(run) if os.path.lexists(run / "seconds.json") else {}
    found = {"per epoch": epoch, "per step": step, "preparing": spent.get("preparation")}
    return {Column("seconds", "seconds", name): value for name, value in found.items()}


def _tensors(columns: dict[str, list[float]]) -> dict[str, Tensor]:
    return {name: torch.tensor(values, dtype=torch.float64) for name, values in columns.items()}
