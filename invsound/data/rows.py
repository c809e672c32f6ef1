"""A column that is larger than memory should be: its rows are read as they are asked for."""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InvsoundError
from ..executor import Workforce
from ..system import progress
from ..system.claim import Busy
from .shards import SHARD, Task, compute
from .store import Store

IN_MEMORY = 2**28
"""Bytes of a column that is learned from, beyond which it stays on disk."""


@dataclass(frozen=True)
class Rows:
    """Shards of `each` rows, the last of perhaps fewer; `column[rows]` is a tensor, as that of a tensor is."""

    store: Store
    addresses: Sequence[str]
    each: int
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Rows [B] → [B, …]. Raises InvsoundError if a shard is gone."""
        wanted: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for place, row in enumerate(rows.tolist()):
            wanted[row // self.each].append((place, row % self.each))
        found: Tensor | None = None
        for shard, pairs in wanted.items():
            places, within = map(list, zip(*pairs, strict=True))
            part = self.store.rows(self.addresses[shard], within)
            found = part.new_empty(len(rows), *part.shape[1:]) if found is None else found
            found[places] = part
        return torch.empty(0) if found is None else found


Column = Tensor | Rows


def whole(column: Column) -> Tensor:
    """All rows, in memory."""
    return column if isinstance(column, Tensor) else column[torch.arange(len(column))]


def read(tasks: list[Task], store: Store, most: float = math.inf, new: Set[str] = frozenset()) -> Column:
    """Shards in order, as one tensor, or of more bytes than `most` as rows that stay on disk.

    A damaged shard is computed again. Of what stays on disk the `new`, that were written a moment ago, are not read.
    """
    total, start = sum(task.count for task in tasks), 0
    column: Tensor | None = None
    for task in tasks:
        if column is None and start and task.address in new:
            start += task.count
            continue
        shard = _whole_shard(task, store)
        if start == 0 and total * shard[:1].nbytes <= most:
            column = shard.new_empty(total, *shard.shape[1:])
        if column is not None:
            column[start : start + len(shard)] = shard
        start += len(shard)
    if column is None and tasks:
        return Rows(store, [task.address for task in tasks], SHARD, total)
    return torch.empty(0) if column is None else column


def _whole_shard(task: Task, store: Store) -> Tensor:
    shard = store.get(task.address)
    if shard is None or len(shard) != task.count:
        progress.log.warning("A shard of the column %r was damaged and is computed again.", task.column)
        with contextlib.suppress(Busy):  # another process packs: what is computed now comes before what a pack has
            store.drop([task.address])
        compute([task], Workforce())
        shard = store.get(task.address)
        if shard is None:
            where = str(store.path(task.address))
            raise InvsoundError(f"A shard cannot be read back from {where!r}. Check that disk, or set INVSOUND_CACHE to another.")
    return shard
