"""Sounds that are heard once: each epoch draws its own, which are prepared while the epoch before is learned."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from torch import Tensor

from ..executor import Executor, Workforce
from ..runs.parts import Parts
from ..system import progress
from ..system.rng import derive
from . import columns, designs, rows
from .columns import Fold
from .packing import Made, Pace
from .shards import Task, compute_shards
from .store import Store

OfEpoch = Callable[[int], Fold]
BEHIND = 10
"""How nice those who prepare are to the one that learns, which all wait for in the end."""


class Ranks(Protocol):
    """Processes that learn together."""

    rank: int

    def wait(self) -> None:
        """Until all are here."""


@dataclass(frozen=True)
class Asked:
    """The sounds of an epoch, and who prepares them."""

    nu: Tensor
    seeds: tuple[int, ...]
    tasks: dict[str, list[Task]]
    groups: list[list[Task]]
    futures: list[Future[Any]]


class Fresh:
    """epoch → its training sounds. The first has those of the table, by which losses are calibrated; where they were recorded, the
    others have the same ones, augmented anew.

    They are a function of the seed and the epoch. The shards of an epoch stay in the store until it is learned: a run that is killed goes
    on with them, and no more than those of two epochs are there at a time.
    """

    def __init__(self, parts: Parts, first: Fold, store: Store, pool: Executor, device: str, lead: bool = True) -> None:
        """Of several processes that learn together one has the `lead`: it asks for sounds, and forgets them."""
        self.parts, self.first, self.store, self.pool, self.device, self.lead = parts, first, store, pool, device, lead
        self._asked: dict[int, Asked] = {}
        self.pace = Pace()

    def __call__(self, epoch: int) -> Fold:
        """Waits for what is not prepared yet, and asks for the epoch after. Raises InvsoundError where that fails."""
        self._forget(epoch - 1)
        fold = self._prepared(epoch) if epoch > 1 else self.first
        if epoch < self.parts.config.train.epochs:
            self._ask(epoch + 1)
        return fold

    def _prepared(self, epoch: int) -> Fold:
        asked = self._ask(epoch)
        self._wait(epoch, asked)
        new = {task.address for group in asked.groups for task in group}
        made = {column: rows.read(tasks, self.store, rows.IN_MEMORY, new) for column, tasks in asked.tasks.items()}
        if self.first.x is not None:
            return replace(self.first, columns=self.first.columns | made)
        return columns.fold_of(self.parts, asked.nu, made, asked.seeds).at(self.parts.learned(asked.nu))

    def _ask(self, epoch: int) -> Asked:
        if epoch in self._asked:
            return self._asked[epoch]
        config, x, new = self.parts.config, self.first.x, columns.again(self.parts, self.first.x)
        nu = self.first.nu if x is not None else self._drawn(derive(config.draw, "fresh", epoch))
        fold = f"train, epoch {epoch}"
        seeds = columns.seeds_of(self.parts, fold, len(nu))
        wanted = {column: columns.asked(self.parts, column, nu, fold, seeds, x) for column in new}
        tasks = columns.tasks(self.parts, wanted, self.store, self.device)
        missing = columns.missing(tasks, self.store) if self.lead else []
        groups = list(self.pace.groups(missing, self.pool.together(len(missing))))
        futures = [self.pool.submit(behind, group) for group in groups]
        return self._asked.setdefault(epoch, Asked(nu, seeds, tasks, groups, futures))

    def _drawn(self, seed: int) -> Tensor:
        return designs.draw(self.parts.synth, self.parts.config.data.design, {"train": len(self.first)}, seed)["train"]

    def _wait(self, epoch: int, asked: Asked) -> None:
        left = [future for future in asked.futures if not future.done()]
        if left:
            with progress.bar(f"Preparing epoch {epoch}", len(left), "shards") as advance:
                for _ in as_completed(left):
                    advance(1)
        for group, future in zip(asked.groups, asked.futures, strict=True):
            self.pace.learn(group, future.result())

    def _forget(self, epoch: int) -> None:
        if (asked := self._asked.pop(epoch, None)) and self.lead:
            self.store.drop(task.address for tasks in asked.tasks.values() for task in tasks)

    def close(self) -> None:
        """All is learned."""
        for epoch in list(self._asked):
            self._forget(epoch)


def behind(tasks: list[Task]) -> list[Made]:
    """`compute_shards` where it delays nobody who learns."""
    give_way()
    return compute_shards(tasks)


def give_way() -> None:
    """If this process is another's."""
    if multiprocessing.parent_process() and hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, 0, max(BEHIND, os.getpriority(os.PRIO_PROCESS, 0)))


@contextmanager
def each(parts: Parts, first: Fold, store: Store, who: Workforce, device: str, ranks: Ranks | None = None) -> Iterator[OfEpoch]:
    """The training sounds of each epoch."""
    if not parts.config.data.fresh:
        yield lambda epoch: first
        return
    lead = ranks is None or ranks.rank == 0
    with who.executor(len(first), device) as pool:
        fresh = Fresh(parts, first, store, pool, device, lead)

        def of(epoch: int) -> Fold:
            if ranks is None:
                return fresh(epoch)
            found = fresh(epoch) if lead else None
            ranks.wait()  # until the leader has them
            return found or fresh(epoch)

        yield of
        fresh.close()
