"""What a sweep consists of: options × seeds, each combination a run with a folder of its own."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError, did_you_mean
from ..hooks import options
from ..runs import config as configs
from ..runs.config import Config
from ..runs.naming import file_name, flat, label, nested, short
from ..system.files import check_folder

KEYS = ("base", "grid", "configurations", "seeds")
MOST = 10_000
"""Runs of one sweep."""


@dataclass(frozen=True)
class Planned:
    """One run of a sweep."""

    name: str
    seed: int
    folder: Path
    config: Config

    @property
    def state(self) -> str:
        """new, begun or finished."""
        if (self.folder / "scores.json").is_file():
            return "finished"
        return "begun" if (self.folder / "config.yaml").is_file() else "new"

    def told(self) -> dict[str, Any]:
        return {"name": self.name, "seed": self.seed, "folder": str(self.folder), "state": self.state}


def plan(
    what: Path | str | Mapping[str, Any], out: Path | str | None = None, preset: str | None = None, seeds: Sequence[int] | None = None,
    only: Sequence[str] | None = None, overrides: Sequence[str] = (),
) -> list[Planned]:  # fmt: skip
    """Every run of a sweep, its options resolved, in the order of the file: seeds vary first, then the last key of the grid."""
    given = _read(what)
    title = "sweep" if isinstance(what, Mapping) else Path(what).stem
    root = Path(out) if out else Path("runs") / (f"{title}-{preset}" if preset else title)
    check_folder(root)
    base, last = nested(given.get("base") or {}) | ({"preset": preset} if preset else {}), options.from_overrides(overrides)
    last.pop("executor", None)  # which is of no run
    planned: dict[Path, Planned] = {}
    seeds = _seeds(given if seeds is None else {"seeds": list(seeds)})
    _check_size(given, len(seeds))
    for name, own in _chosen(list(_configurations(given)), only):
        for seed in seeds:
            run = Planned(name, seed, root / file_name(name) / f"seed-{seed}", _resolve(name, base, options.merge(own, last), seed))
            if run.folder in planned:
                raise UsageError(f"The sweep holds {name!r} with seed {seed} twice. Give each value, name and seed once.")
            _check_unchanged(run)
            planned[run.folder] = run
    return list(planned.values())


def _read(what: Path | str | Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(what, Mapping) and not os.path.isfile(what):
        raise UsageError(f"There is no sweep file {str(what)!r}. Give a YAML file with {', '.join(KEYS)}.")
    given = dict(what) if isinstance(what, Mapping) else options.from_file(Path(what))
    for key, value in given.items():
        if key not in KEYS:
            raise UsageError(f"A sweep has no key {key!r}.{did_you_mean(key, KEYS)} Keys: {', '.join(KEYS)}; options are under base.")
        if key != "seeds" and value is not None and not isinstance(value, Mapping):
            raise UsageError(f"{key} of a sweep is a mapping, got {value!r}. Write lines of key: value under it.")
    return given


def _seeds(given: Mapping[str, Any]) -> list[int]:
    seeds = given.get("seeds", [0])
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
        raise UsageError(f"seeds of a sweep is a list of whole numbers such as [0, 1, 2], got {seeds!r}.")
    return seeds


def _check_size(given: Mapping[str, Any], seeds: int) -> None:
    grid, configurations = given.get("grid") or {}, given.get("configurations") or {"": {}}
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            raise UsageError(f"grid: {key} takes a list of values such as [1, 2], got {values!r}.")
    count = seeds * len(configurations) * math.prod(len(values) for values in grid.values())
    if count > MOST:
        raise UsageError(f"The sweep has {count:,} runs, the product of its grid, configurations and seeds; {MOST:,} are the most.")


def _configurations(given: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and overrides of each configuration: `configurations` × `grid`."""
    grid, named = given.get("grid") or {}, given.get("configurations") or {"": {}}
    names = short([str(key) for key in grid])
    for name, overrides in named.items():
        if overrides is not None and not isinstance(overrides, Mapping):
            raise UsageError(f"configurations: {name} is a mapping of options, got {overrides!r}. Write {name}: {{train.epochs: 20}}.")
        for values in itertools.product(*grid.values()):
            point = {str(key): value for key, value in zip(grid, values, strict=True)}
            yield ", ".join(filter(None, (str(name), label(point, names)))) or "base", options.merge(nested(overrides or {}), nested(point))


def _chosen(configurations: list[tuple[str, dict[str, Any]]], only: Sequence[str] | None) -> list[tuple[str, dict[str, Any]]]:
    names = [name for name, _ in configurations]
    for name in only or ():
        if name not in names:
            raise UsageError(f"The sweep has no configuration {name!r}.{did_you_mean(name, names)} Available: {', '.join(names)}.")
    return [(name, own) for name, own in configurations if only is None or name in only]


def _resolve(name: str, base: Mapping[str, Any], overrides: Mapping[str, Any], seed: int) -> Config:
    given = options.merge(base, overrides)
    if "seed" in given:
        raise UsageError(f"{name}: the seeds of a sweep are its own key. Write seeds: [{given['seed']}] beside base.")
    preset = str(given.pop("preset", "quick"))
    try:
        return configs.resolve(given, {"seed": seed}, preset=preset)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error


def _check_unchanged(run: Planned) -> None:
    if not (run.folder / "config.yaml").is_file():
        return
    before, now = flat(configs.load(run.folder / "config.yaml").as_dict()), flat(run.config.as_dict())
    for key in [*now, *before]:
        if before.get(key) != now.get(key):
            raise UsageError(
                f"{str(run.folder)!r} was begun with other options: {key} was {before.get(key)!r} and is {now.get(key)!r} now. "
                "Choose another --out, or delete that folder."
            )
