"""Prepared columns: for each fold ν, and what is computed from it once, in shards, by whoever computes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from torch import Tensor

from ..executor import Workforce
from ..hooks import options, registry
from ..hooks.fingerprint import fingerprint
from ..loss import Loss
from ..runs import config as configs
from ..runs import given
from ..runs.parts import Parts
from ..space import SpaceOptions
from ..system import progress
from ..system.files import remove_rests
from ..system.rng import derive
from ..system.tensors import as_bytes
from ..system.version import VERSION
from .column import RECORDED
from .designs import FOLDS
from .packing import Packing
from .rows import IN_MEMORY, Column, read, whole
from .shards import SHARD, Task, compute, made_of, sounds
from .store import Store, addressed, digest


@dataclass(frozen=True)
class Fold:
    """ν [n, P] and the columns computed from it, row by row; of a synth with a nuisance, the seed of each sound; of a fold that was
    recorded, the sounds x [n, N] that ν is said to make, and that its columns are computed from."""

    nu: Tensor
    columns: dict[str, Column]
    seeds: tuple[int, ...] = ()
    x: Tensor | None = None

    def __len__(self) -> int:
        return len(self.nu)

    def whole(self, column: str) -> Tensor:
        """All rows of a column, in memory."""
        return whole(self.columns[column])

    def at(self, nu: Tensor) -> Fold:
        """The same sounds in other coordinates."""
        return replace(self, nu=nu)


Wanted = dict[Any, tuple[str, Tensor, tuple[int, ...]]]
"""By any key: the name of a column, ν (or x, for what is RECORDED), and the seeds of a nuisance."""
NOTHING: Mapping[str, Tensor] = MappingProxyType({})


def prepare(
    parts: Parts, nu: Mapping[str, Tensor], store: Store, who: Workforce, device: str = "cpu", folds: Sequence[str] = FOLDS,
    x: Mapping[str, Tensor] = NOTHING,
) -> dict[str, Fold]:  # fmt: skip
    """Folds of ν [n, P] with the columns that training and evaluation need; what the store holds is not computed again.

    Folds that were recorded have sounds x [n, N]. Who computes changes nothing of them.
    """
    shards, new = _computed(parts, wanted(parts, nu, folds, x), store, who, device)
    made = {key: read(pieces, store, math.inf if key[0] == "test" else IN_MEMORY, new) for key, pieces in shards.items()}
    return {fold: fold_of(parts, nu[fold], _of(fold, made), seeds_of(parts, fold, len(nu[fold])), x.get(fold)) for fold in folds}


def _of(fold: str, made: dict[Any, Column]) -> dict[str, Column]:
    return {column: made[at, column] for at, column in made if at == fold}


def fold_of(parts: Parts, nu: Tensor, made: dict[str, Column], seeds: tuple[int, ...], x: Tensor | None = None) -> Fold:
    """With zero columns for a loss that has nothing prepared."""
    nothing: dict[str, Column] = {column: nu.new_empty(len(nu), 0) for column, loss in losses(parts).items() if not loss.prepares}
    return Fold(nu, nothing | made, seeds, x)


def wanted(parts: Parts, nu: Mapping[str, Tensor], folds: Sequence[str] = FOLDS, x: Mapping[str, Tensor] = NOTHING) -> Wanted:
    """The columns of a run, by fold and name."""
    kinds = ["heard", *(["metric"] if parts.config.evaluate.micro else [])]
    scoring = [f"{kind}:{name}" for name, score in parts.scores.items() if score.feature is not None for kind in kinds]
    names = {fold: ["inputs", *scoring] if fold == "test" else training(parts) for fold in folds}
    seeds = {fold: seeds_of(parts, fold, len(nu[fold])) for fold in folds}
    return {(fold, column): asked(parts, column, nu[fold], fold, seeds[fold], x.get(fold)) for fold in folds for column in names[fold]}


def asked(
    parts: Parts, column: str, nu: Tensor, fold: str, seeds: tuple[int, ...], x: Tensor | None = None
) -> tuple[str, Tensor, tuple[int, ...]]:
    """What is computed for a column: inputs that are learned from may be augmented, each sound by its own seed; what is heard of a sound,
    of one that was recorded, and if it is augmented of what that makes of it."""
    recorded = x is not None and _hears(parts, column)
    if parts.config.data.augment and fold != "test" and (column == "inputs" or recorded):
        column = "augmented" if column == "inputs" else column
        seeds = seeds or tuple(derive(parts.config.draw, "augment", fold, row) for row in range(len(nu)))
    return (RECORDED + column, x, seeds) if recorded and x is not None else (column, nu, seeds)


def again(parts: Parts, x: Tensor | None) -> list[str]:
    """Of the columns that are learned from those that are new in every epoch: of recordings x what is heard of them."""
    return [column for column in training(parts) if x is None or _hears(parts, column)]


def _hears(parts: Parts, column: str) -> bool:
    """Whether a column is of the sound and not of its parameters."""
    loss = losses(parts).get(column)
    return loss.compares_sounds if loss else column == "inputs" or column.startswith("heard:")


def training(parts: Parts) -> list[str]:
    """The columns that are learned from and are prepared."""
    return ["inputs", *(column for column, loss in losses(parts).items() if loss.prepares)]


def losses(parts: Parts) -> dict[str, Loss]:
    """Those that an encoder learns by, and the name of the column of each."""
    first = {"pretrain": parts.pretrain} if parts.pretrain is not None and parts.config.train.pretraining else {}
    return {"side": parts.loss, **first}


def seeds_of(parts: Parts, fold: str, count: int) -> tuple[int, ...]:
    """The seed of each sound of a fold, made by that of the draw, the fold and the row; none if the synth has no nuisance."""
    return tuple(derive(parts.config.draw, "nuisance", fold, row) for row in range(count)) if parts.synth.nuisance else ()


def features(parts: Parts, nu: Tensor, store: Store, who: Workforce, device: str = "cpu") -> Tensor:
    """Φ(g(ν)) [n, D], stored as the columns of a run are: candidates that every match with these parts shares."""
    seeds = tuple(parts.synth.seeds(nu)) if parts.synth.nuisance else ()
    shards, _ = _computed(parts, {"features": ("features", nu, seeds)}, store, who, device)
    return whole(read(shards["features"], store))


def tasks(parts: Parts, wanted: Wanted, store: Store, device: str) -> dict[Any, list[Task]]:
    """The shards of columns, in order."""
    (classes, text, made_by), root = made_of(parts), str(store.root.absolute())

    def pieces(column: str, nu: Tensor, seeds: tuple[int, ...]) -> Iterator[Task]:
        recipe = recipe_of(parts.config, column)
        of, content, width = addressed(recipe), as_bytes(nu), nu[:1].nbytes
        for at in range(0, len(nu), SHARD):
            own, rows, count = seeds[at : at + SHARD], content[at * width : (at + SHARD) * width], min(SHARD, len(nu) - at)
            address = (addressed([*recipe, *own]) if own else of)((count, *nu.shape[1:]), rows)
            yield Task(column, text, rows, count, root, address, made_by, classes, device, own)

    return {key: list(pieces(*asked)) for key, asked in wanted.items()}


def missing(shards: Mapping[Any, list[Task]], store: Store) -> list[Task]:
    """Those that the store lacks."""
    there = store.addresses()
    return [task for pieces in shards.values() for task in pieces if task.address not in there]


def _computed(parts: Parts, wanted: Wanted, store: Store, who: Workforce, device: str) -> tuple[dict[Any, list[Task]], Set[str]]:
    """The shards of columns, and the addresses of what the store lacked of them: it was computed, as one batch."""
    remove_rests(store.root)
    shards = tasks(parts, wanted, store, device)
    given.check_workers(parts.config, who.workers)
    lacking = missing(shards, store)
    if lacking:
        store.check()
    else:
        progress.log.info("What is needed of %s is prepared already.", sounds(max(len(nu) for _, nu, _ in wanted.values())))
    compute(lacking, who, Packing(store, (task.address for pieces in shards.values() for task in pieces)))
    return shards, {task.address for task in lacking}


def address(config: configs.Config, column: str, nu: Tensor) -> str:
    """The content address of a column at ν: parts, their options and source, and ν itself."""
    return digest(recipe_of(config, column), nu)


def recipe_of(config: configs.Config, column: str) -> list[Any]:
    """What makes a column, besides ν: parts, their options and source, JSON-ready."""
    if column.startswith(RECORDED):
        name = column.removeprefix(RECORDED)
        takes = sorted(config.data.augment) if name in ("side", "pretrain") else []
        return [RECORDED, *takes, *recipe_of(config, name)]
    if column == "pretrain":
        return recipe_of(config.pretraining(), "side")
    reads = {
        "inputs": ["synth", "encoder"],
        "augmented": ["synth", "encoder"],
        "side": ["synth", "feature", "loss"],
        "features": ["synth", "feature"],
    }
    kinds = reads.get(column, ["synth"])
    recipe: dict[str, Any] = {kind: [fingerprint(kind, config.parts[kind]), _relevant(config, kind)] for kind in kinds}
    if column == "augmented":
        recipe["augment"] = sorted(config.data.augment)
    if column not in ("inputs", "augmented", "features") and not column.startswith("heard:"):
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
