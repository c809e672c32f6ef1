"""Which shards are computed together, and when they are packed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

from .store import PACK, Store

FILES = 1000
"""Files of new shards before they are packed, however small."""
TOGETHER = 1.0
"""Seconds: shards that take less are computed, and stored, together."""
MOST = 512
"""Shards that are computed together."""


class OfColumn(Protocol):
    """A task that computes a shard of a column."""

    @property
    def column(self) -> str: ...


T = TypeVar("T", bound=OfColumn)


class Made(NamedTuple):
    """What a shard took: seconds, and bytes."""

    seconds: float = 0.0
    size: int = 0


class Packing:
    """Packs shards as they are computed: whenever 64 MiB of them, or a thousand files, are new."""

    def __init__(self, store: Store, addresses: Iterable[str]) -> None:
        self.store = store
        self.alone: list[str] = []
        self.size = self.files = 0
        for address in store.alone().intersection(addresses):
            with contextlib.suppress(FileNotFoundError):  # it was packed meanwhile
                self.add([address], store.path(address).stat().st_size)

    def add(self, addresses: list[str], size: int) -> None:
        """A file of these shards."""
        self.size, self.files = self.size + size, self.files + 1
        self.alone += addresses if len(addresses) == 1 else []
        if self.size >= PACK or self.files >= FILES:
            self.store.pack(self.alone)
            self.alone, self.size, self.files = [], 0, 0


class Pace:
    """How long shards of each column take, by which those that take little are put together."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def learn(self, group: Sequence[OfColumn], made: list[Made]) -> None:
        for task, one in zip(group, made, strict=True):
            if one.size:
                self.seconds[task.column] = one.seconds

    def groups(self, tasks: list[T], least: int = 1) -> Iterator[list[T]]:
        """Tasks in their order, `least` at a time; of one column more, as many as take TOGETHER, once its pace is known."""
        at = 0
        while at < len(tasks):
            column = tasks[at].column
            size = min(MOST, int(TOGETHER / max(self.seconds.get(column, TOGETHER), 1e-9)))
            alike = next((k for k, task in enumerate(tasks[at : at + size]) if task.column != column), size)
            yield tasks[at : at + max(alike, least)]
            at += max(alike, least)
