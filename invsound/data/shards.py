"""Shards of a prepared column: what a worker process is asked for, and does."""

from __future__ import annotations

import functools
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..encoder import prepared
from ..errors import InvsoundError
from ..executor import Workforce
from ..hooks import objects
from ..hooks.culprit import ask
from ..hooks.fingerprint import fingerprint
from ..hooks.registry import named
from ..problem import Problem, finite
from ..runs import config as configs
from ..runs import given
from ..runs.parts import Parts
from ..system import executor, progress
from .augment import augmented
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

    `nu` are the bytes of ν [count, W] in float32. `given` are kind and name of parts that are classes, `seeds` those of a nuisance.
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
                for task, one in zip(group, made, strict=True):
                    advance(title(task.column), task.count, one.seconds)
                if packing and (size := sum(one.size for one in made)):
                    packing.add([task.address for task in group], size)

            groups = pace.groups(tasks, pool.together(len(tasks)))
            executor.run_all(pool, compute_shards, groups, done, window=None if who.elsewhere else AHEAD * pool.at_once)


def title(column: str) -> str:
    """What a column is called where people read it."""
    titles = {
        "inputs": "encoder inputs",
        "augmented": "encoder inputs, augmented",
        "side": "the loss",
        "pretrain": "the first loss",
        "features": "candidates",
    }
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


def column_of(parts: Parts, column: str, nu: Tensor, seeds: tuple[int, ...] = ()) -> Tensor:
    """Compute a column at ν [B, P]: the encoder's inputs, the loss's side, or Φ(x) or R of a score's representation.

    With a nuisance it is computed sound by sound: whatever a part renders around ν has the sound's seed.
    """
    if not (seeds and parts.synth.nuisance):
        return _computed(parts, column, nu, seeds)
    return torch.cat([_at(seed, parts, column, row) for row, seed in zip(nu.split(1), seeds, strict=True)])


def _computed(parts: Parts, column: str, nu: Tensor, seeds: tuple[int, ...]) -> Tensor:
    space = parts.synth.space
    with torch.no_grad():
        if column in ("inputs", "augmented"):
            x, rate = finite(parts.render(nu), named(parts.synth), space, nu), parts.synth.signal.sample_rate
            if column == "augmented":
                effects = parts.config.data.augment
                x = torch.stack([augmented(row, rate, effects, seed) for row, seed in zip(x, seeds, strict=True)])
            inputs = prepared(parts.front_end, x)
            return finite(inputs, f"{named(parts.front_end)} in prepare", space, nu)
        if column in ("side", "pretrain"):
            loss = parts.loss if column == "side" else parts.pretrain
            assert loss is not None
            return finite(
                ask(loss, loss.prepare, parts.learned(nu), shape=(len(nu), ...), precision=False), f"{named(loss)} in prepare", space, nu
            )
        if column == "features":  # of candidates of a search
            with parts.synth.tolerating():
                return finite(parts.problem(nu), named(parts.problem.feature), space, nu)
        kind, _, name = column.partition(":")
        feature = parts.scores[name].feature
        assert feature is not None
        problem = Problem(parts.synth, feature, parts.config.problem)
        return finite(problem(nu), f"The score {name!r}", space, nu) if kind == "heard" else problem.metric_factor(nu)


def _at(seed: int, parts: Parts, column: str, nu: Tensor) -> Tensor:
    with parts.synth.at(seed):
        return _computed(parts, column, nu, (seed,))
