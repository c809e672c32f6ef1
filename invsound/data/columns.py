"""Prepared columns: for each fold ν, and what is computed from it once, in shards, by as many processes as asked for."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..encoder import prepared
from ..errors import InvsoundError
from ..hooks import options, registry
from ..hooks.culprit import ask
from ..hooks.fingerprint import fingerprint
from ..hooks.registry import named
from ..problem import Problem, finite
from ..runs import config as configs
from ..runs.parts import Parts
from ..space import SpaceOptions
from ..system import executor, progress
from ..system.files import remove_rests
from ..system.store import Store, digest
from ..system.version import VERSION
from .designs import FOLDS

SHARD = 8
"""Sounds per shard: what a kill −9 loses at most, per worker."""


@dataclass(frozen=True)
class Fold:
    """ν [n, P] and the columns computed from it, row by row."""

    nu: Tensor
    columns: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.nu)

    def at(self, nu: Tensor) -> Fold:
        """The same sounds in other coordinates."""
        return Fold(nu, self.columns)


@dataclass(frozen=True)
class Task:
    """One shard of one column, as a worker process receives it."""

    column: str
    config: str
    nu: list[list[float]]
    root: str
    address: str
    sources: str
    device: str = "cpu"


def prepare(
    parts: Parts, nu: Mapping[str, Tensor], store: Store, jobs: int, device: str = "cpu", folds: Sequence[str] = FOLDS
) -> dict[str, Fold]:
    """Folds of ν [n, P] with the columns that training and evaluation need; what the store holds is not computed again.

    Worker processes share the cores of a CPU; any other device is one, and works for this process alone.
    """
    kinds = ["heard", *(["metric"] if parts.config.evaluate.micro else [])]
    scoring = [f"{kind}:{name}" for name, score in parts.scores.items() if score.feature is not None for kind in kinds]
    training = ["inputs", "side", *(["pretrain"] if parts.config.train.pretraining else [])]
    wanted = {fold: ["inputs", *scoring] if fold == "test" else training for fold in folds}
    columns = {(fold, column): (column, nu[fold]) for fold, names in wanted.items() for column in names}
    made = _columns(parts, columns, store, jobs, device)
    return {fold: Fold(nu[fold], {column: made[fold, column] for column in names}) for fold, names in wanted.items()}


def features(parts: Parts, nu: Tensor, store: Store, jobs: int, device: str = "cpu") -> Tensor:
    """Φ(g(ν)) [n, D], stored as the columns of a run are: candidates that every match with these parts shares."""
    return _columns(parts, {"features": ("features", nu)}, store, jobs, device)["features"]


def _columns(parts: Parts, wanted: dict[Any, tuple[str, Tensor]], store: Store, jobs: int, device: str) -> dict[Any, Tensor]:
    """Columns (name, ν), by any key: what the store lacks is computed, as one batch of shards."""
    text, made_by = json.dumps(parts.config.as_dict()), sources(parts)
    remove_rests(store.root)
    tasks = {
        key: [
            Task(column, text, rows.tolist(), str(store.root), digest(recipe, rows), made_by, device)
            for recipe in [recipe_of(parts.config, column)]
            for rows in nu.split(SHARD)
        ]
        for key, (column, nu) in wanted.items()
    }
    missing = [task for pieces in tasks.values() for task in pieces if not store.path(task.address).exists()]
    if missing:
        store.check()
    compute(missing, jobs if device == "cpu" else 1)
    return {key: _read(pieces, store) for key, pieces in tasks.items()}


def sources(parts: Parts) -> str:
    """The fingerprints of all parts, by which a process knows that it works with the same files as another."""
    pretrain, named = parts.config.train.pretrain.loss, [*parts.config.parts.items(), *(("score", name) for name in parts.score_names)]
    return " ".join(fingerprint(kind, name) for kind, name in [*named, *([("loss", pretrain)] if pretrain else [])])


def compute(tasks: list[Task], jobs: int) -> None:
    """Compute shards, in `jobs` processes if there are enough of them to be worth the start."""
    if not tasks:
        return
    with executor.local(min(jobs, len(tasks))) as pool, progress.bar("Preparing", len(tasks), "shards") as advance:
        executor.run_all(pool, compute_shard, tasks, lambda: advance(1))


def _read(tasks: list[Task], store: Store) -> Tensor:
    """Shards in order, as one tensor. A damaged shard is computed again."""
    total = sum(len(task.nu) for task in tasks)
    whole, start = torch.empty(0), 0
    for task in tasks:
        shard = store.get(task.address)
        if shard is None or len(shard) != len(task.nu):
            progress.log.warning("A shard of the column %r was damaged and is computed again.", task.column)
            store.path(task.address).unlink(missing_ok=True)
            compute([task], jobs=1)
            shard = store.get(task.address)
            if shard is None:
                where = str(store.path(task.address))
                raise InvsoundError(f"A shard cannot be read back from {where!r}. Check that disk, or set INVSOUND_CACHE to another.")
        if start == 0:
            whole = shard.new_empty(total, *shard.shape[1:])
        whole[start : start + len(shard)] = shard
        start += len(shard)
    return whole


def address(config: configs.Config, column: str, nu: Tensor) -> str:
    """The content address of a column at ν: parts, their options and source, and ν itself."""
    return digest(recipe_of(config, column), nu)


def recipe_of(config: configs.Config, column: str) -> list[Any]:
    """What makes a column, besides ν: parts, their options and source, JSON-ready."""
    if column == "pretrain":
        return recipe_of(config.pretraining(), "side")
    reads = {"inputs": ["synth", "encoder"], "side": ["synth", "feature", "loss"], "features": ["synth", "feature"]}
    kinds = reads.get(column, ["synth"])
    recipe: dict[str, Any] = {kind: [fingerprint(kind, config.parts[kind]), _relevant(config, kind)] for kind in kinds}
    if column not in ("inputs", "features") and not column.startswith("heard:"):
        recipe["jacobian"] = [config.problem.jacobian, config.problem.step]
    if column == "side" and config.space != SpaceOptions():
        recipe["space"] = options.as_dict(config.space)
    if ":" in column:
        recipe["score"] = fingerprint("score", column.partition(":")[2])
    return [column, recipe, VERSION]


def _relevant(config: configs.Config, kind: str) -> dict[str, Any]:
    """The options of a part that a column depends on."""
    names = registry.load(registry.find(kind, config.parts[kind])).prepare_options if kind in ("encoder", "loss") else None
    return {name: value for name, value in config.of[kind].items() if names is None or name in names}


def compute_shard(task: Task) -> None:
    """What a worker does: build the parts (once per process), compute one column at ν, store it."""
    parts = _parts(task.config, task.sources)
    nu = torch.tensor(task.nu, dtype=torch.float32)
    column = column_of(parts.to(task.device), task.column, nu.to(task.device))
    Store(Path(task.root)).put(task.address, column)


@functools.lru_cache(maxsize=4)
def _parts(text: str, made_by: str) -> Parts:
    """The parts, built of the files that the addresses of their columns name. Raises InvsoundError if those were edited since."""
    parts = Parts(configs.resolve(json.loads(text)))
    if sources(parts) != made_by:
        raise InvsoundError("Files of a part were changed while its columns were prepared. Give the same command again.")
    return parts


def column_of(parts: Parts, column: str, nu: Tensor) -> Tensor:
    """Compute a column at ν [B, P]: the encoder's inputs, the loss's side, or Φ(x) or R of a score's representation."""
    space = parts.synth.space
    with torch.no_grad():
        if column == "inputs":
            x = finite(parts.render(nu), named(parts.synth), space, nu)
            inputs = prepared(parts.front_end, x)
            return finite(inputs, f"{named(parts.front_end)} in prepare", space, nu)
        if column in ("side", "pretrain"):
            loss = parts.loss if column == "side" else parts.pretrain
            assert loss is not None
            return finite(
                ask(loss, loss.prepare, parts.learned(nu), shape=(len(nu), ...), precision=False), f"{named(loss)} in prepare", space, nu
            )
        if column == "features":
            return finite(parts.problem(nu), named(parts.problem.feature), space, nu)
        kind, _, name = column.partition(":")
        feature = parts.scores[name].feature
        assert feature is not None
        problem = Problem(parts.synth, feature, parts.config.problem)
        return finite(problem(nu), f"The score {name!r}", space, nu) if kind == "heard" else problem.metric_factor(nu)
