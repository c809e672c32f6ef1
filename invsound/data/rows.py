"""A column that is larger than memory should be: its rows are read as they are asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .store import Store


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
