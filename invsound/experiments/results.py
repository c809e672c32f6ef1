"""What a finished run found, read from its folder: one value per column of a comparison, and what each test sound adds to it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InvsoundError, UsageError
from ..hooks import options
from ..runs import folder as folders
from ..runs.config import PARTS
from ..runs.naming import flat
from ..system import progress
from ..system.files import read_json
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
    def _predictions(self) -> list[dict[str, str]]:
        return _rows(self.folder / "predictions.csv")

    @cached_property
    def sounds(self) -> list[Sound]:
        """The test sounds, in order."""
        return [tuple((name, value) for name, value in row.items() if name.startswith("true_")) for row in self._predictions]

    @cached_property
    def terms(self) -> dict[Column, Tensor]:
        """Column → [n], one term per test sound, whose mean is the column's value; of the columns that are means over sounds."""
        columns = _floats(self.folder / "distances.csv", _rows(self.folder / "distances.csv"))
        predictions = _floats(self.folder / "predictions.csv", self._predictions)
        found = {}
        for column in self.values:
            if column.group == "scores" and f"{column.of}_trained" in columns:
                weight = columns.get(f"weight_{column.of}") if column.kind == "micro" else torch.ones(())
                if weight is not None:
                    found[column] = columns[f"{column.of}_trained"] * weight / weight.mean()
            elif column.group == "errors" and f"predicted_{column.of}" in predictions:
                found[column] = (predictions[f"predicted_{column.of}"] - predictions[f"true_{column.of}"]).abs()
        return {column: term for column, term in found.items() if len(term) == len(self.sounds)}


def find(paths: Iterable[Path | str]) -> list[Result]:
    """The finished runs among folders and what they contain, each once; an unfinished one is said and left out.

    Raises UsageError for a folder that does not exist and where no finished run is found, InvsoundError for a damaged file.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            raise UsageError(f"There is no folder {str(path)!r}. Give run folders, or folders that hold them.")
        files = sorted(file for name in ("config.yaml", "scores.json") for file in path.rglob(name))
        found |= {file.parent.resolve(): file.parent for file in files if file.parent.resolve() not in found}
    finished = [run for run in found.values() if (run / "scores.json").is_file()]
    for run in found.values():
        if run not in finished:
            progress.log.warning("%s is not finished and left out. Go on with it by: invsound run --resume %s", run, run)
    if not finished:
        raise UsageError("There is no finished run to compare. Give folders that `invsound run` or `invsound sweep` wrote.")
    return [read(run) for run in finished]


def read(run: Path) -> Result:
    """The result of a finished run. Raises UsageError if it is no run folder, InvsoundError if one of its files is damaged."""
    config = options.from_file(folders.existing(run) / "config.yaml")
    scores = read_json(run / "scores.json")
    try:
        chosen = flat({key: value for key, value in config.items() if key != "seed"})
        if missing := [kind for kind in PARTS if f"parts.{kind}" not in chosen]:
            raise KeyError(f"parts.{missing[0]}")
        return Result(run, chosen, int(config["seed"]), _values(run, config, scores), _name(run))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvsoundError(
            f"{str(run)!r} is damaged: {type(error).__name__}: {error}. Score it anew by: invsound evaluate {run}"
        ) from error


def _name(run: Path) -> str | None:
    file = run.parent / folders.NAME
    return file.read_text("utf-8").strip() or None if file.is_file() else None


def _values(run: Path, config: dict[str, Any], scores: dict[str, Any]) -> dict[Column, float]:
    values: dict[Column, float] = {
        Column("scores", average, name): value
        for name, estimates in scores["scores"].items()
        for average, value in estimates["trained"].items()
    }
    values |= {Column("errors", "error", name, row["unit"]): row["trained"] for name, row in scores["parameters"].items()}
    values |= {column: value for column, value in _seconds(run).items() if value is not None}
    for column, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"{column.name} is {value}")
    return values


def _seconds(run: Path) -> dict[Column, float | None]:
    """Per epoch (the median of all), per step, and for the preparation, as far as they are known."""
    lines = (run / "metrics.jsonl").read_text("utf-8").splitlines() if (run / "metrics.jsonl").is_file() else []
    epochs = [record for record in map(json.loads, lines) if record["epoch"] > 0]
    epoch = median([float(record["seconds"]) for record in epochs]) if epochs else None
    steps = median([float(record.get("steps", 0)) for record in epochs]) if epochs else 0
    step = epoch / steps if epoch is not None and steps > 0 else None
    spent = read_json(run / "seconds.json") if (run / "seconds.json").is_file() else {}
    found = {"per epoch": epoch, "per step": step, "preparing": spent.get("preparation")}
    return {Column("seconds", "seconds", name): value for name, value in found.items()}


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _floats(path: Path, rows: list[dict[str, str]]) -> dict[str, Tensor]:
    try:
        return {name: torch.tensor([float(row[name]) for row in rows], dtype=torch.float64) for name in (rows[0] if rows else {})}
    except (TypeError, ValueError) as error:
        raise InvsoundError(f"{str(path)!r} is damaged: {error}. Score the run anew by: invsound evaluate {path.parent}") from error
