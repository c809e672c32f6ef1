"""Shards of a prepared column: what a worker process is asked for, and does."""

from __future__ import annotations

import functools
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InvsoundError
from ..executor import Workforce
from ..hooks import objects
from ..hooks.fingerprint import fingerprint
from ..runs import config as configs
from ..runs import given
from ..runs.parts import Parts
from ..system import executor, progress
from .column import RECORDED, column_of
from .packing import Made, Pace, Packing
from .store import Store

SHARD = 8
"""Sounds per shard: what a kill −9 loses at most, per worker."""
AHEAD = 16
"""Groups of shards that each worker of this machine is asked for: enough to do while what is finished is packed."""
Given = tuple[tuple[str, str], ...]
"""Kind and name of parts that are classes."""


@dataclass(frozen=True, slots=True)
class Task:
    """One shard of one column, as a worker process receives it: a million sounds are many.

    `nu` are the bytes of ν [count, W] in float32, or of what is RECORDED of x [count, N]. `given` are kind and name of parts that are
    classes, `seeds` those of a nuisance.
    """

    column: str
    config: str
    nu: bytes
    count: int
    root: str
    address: str
    sources: str
    given: Given = ()
    device: str = "cpu"
    seeds: tuple[int, ...] = ()


def sources(parts: Parts) -> str:
    """The fingerprints of all parts, by which a process knows that it works with the same files as another."""
    pretrain, named = parts.config.train.pretrain.loss, [*parts.config.parts.items(), *(("score", name) for name in parts.score_names)]
    return " ".join(fingerprint(kind, name) for kind, name in [*named, *([("loss", pretrain)] if pretrain else [])])


def compute(tasks: list[Task], who: Workforce, packing: Packing | None = None) -> None:
    """Compute shards: by processes of this machine, no more than there are shards, or by whatever executor was chosen."""
    if not tasks:
        return
    totals: dict[str, int] = {}
    for task in tasks:
        totals[task.column] = totals.get(task.column, 0) + task.count
    progress.log.info("Preparing %s.", ", ".join(f"{title(column)} ({sounds(count)})" for column, count in totals.items()))
    columns = {column: [task for task in tasks if task.column == column] for column in totals}
    tasks = [of.pop(0) for of in columns.values()] + [task for of in columns.values() for task in of]  # so that all paces are soon known
    with who.executor(len(tasks), tasks[0].device) as pool:
        pace = Pace()
        with progress.stages({title(c): n for c, n in totals.items()}, "sounds", pool.at_once) as advance:

            def done(group: list[Task], made: list[Made]) -> None:
                pace.learn(group, made)
                for column in dict.fromkeys(task.column for task in group):
                    of = [(task.count, one.seconds) for task, one in zip(group, made, strict=True) if task.column == column]
                    advance(title(column), *map(sum, zip(*of, strict=True)))
                if packing and (size := sum(one.size for one in made)):
                    packing.add([task.address for task in group], size)

            groups = pace.groups(tasks, pool.together(len(tasks)))
            executor.run_all(pool, compute_shards, groups, done, window=None if who.elsewhere else AHEAD * pool.at_once)


def title(column: str) -> str:
    """What a column is called where people read it."""
    if column.startswith(RECORDED):
        return f"{title(column.removeprefix(RECORDED))} of recordings"
    titles = {
        "inputs": "encoder inputs", "augmented": "encoder inputs, augmented", "side": "the loss", "pretrain": "the first loss",
        "features": "candidates",
    }  # fmt: skip
    kind, _, name = column.partition(":")
    return titles.get(kind) or f"the score {name}" + (" (Jacobians)" if kind == "metric" else "")


def sounds(count: int) -> str:
    return f"{count} sound{'s' if count != 1 else ''}"


def compute_shards(tasks: list[Task]) -> list[Made]:
    """What a worker does: those that the store still lacks, on one thread, stored in one file; where one fails, those before it."""
    columns: dict[str, Tensor] = {}
    made, again = [], _stored(tasks[0])
    try:
        with executor.single_thread():
            for task in tasks:
                if again and _stored(task):
                    made.append(Made())
                    continue
                rebuilt(task.given, task.config, task.sources)  # once, and no part of the pace
                start = time.perf_counter()
                columns[task.address] = compute_shard(task)
                made.append(Made(time.perf_counter() - start, columns[task.address].nbytes + 1))
    finally:
        if columns:
            _store(tasks[0].root).put_all(columns)
    return made


def _stored(task: Task) -> bool:
    """Whether another worker, or a lost one, has written it by now."""
    return _store(task.root).has(task.address)


@functools.lru_cache(maxsize=1)
def _store(root: str) -> Store:
    return Store(Path(root))


def compute_shard(task: Task) -> Tensor:
    """Build the parts (once per process), and compute one column at ν."""
    parts = rebuilt(task.given, task.config, task.sources)
    nu = torch.frombuffer(bytearray(task.nu), dtype=torch.float32).reshape(task.count, -1)
    return column_of(parts.to(task.device), task.column, nu.to(task.device), task.seeds)


def made_of(parts: Parts) -> tuple[Given, str, str]:
    """What `rebuilt` takes."""
    classes = tuple((kind, name) for kind, name in given.named(parts.config) if objects.is_given(name))
    return classes, json.dumps(parts.config.as_dict()), sources(parts)


def rebuilt(given: Given, text: str, made_by: str) -> Parts:
    """The parts of a configuration, in a process of its own. Raises InvsoundError if their files were edited since."""
    for kind, name in given:
        objects.again(kind, name)
    return _parts(text, made_by)


@functools.lru_cache(maxsize=4)
def _parts(text: str, made_by: str) -> Parts:
    """The parts, built of the files that the addresses of their columns name. Raises InvsoundError if those were edited since."""
    parts = Parts(configs.resolve(json.loads(text)))
    if sources(parts) != made_by:
        raise InvsoundError("Files of a part were changed while its columns were prepared. Give the same command again.")
    return parts
