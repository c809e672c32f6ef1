"""A pack: one safetensors file of many shards, each named by its address, with its checksum; read by bytes, a row at a time if need be."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..system.files import atomic
from ..system.tensors import checksum

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
HEADER = 2**28
"""Bytes that a header may have."""


@dataclass(frozen=True)
class Pack:
    """Its header: `places` has dtype, shape and offsets of each address, `sums` the checksums; data begin at `start`."""

    path: Path
    size: int
    start: int
    places: dict[str, dict[str, Any]]
    sums: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> Pack | None:
        """None for what is no pack, or a damaged one: its shards are computed again."""
        try:
            with path.open("rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                places = json.loads(file.read(length)) if length <= HEADER else {}
            return cls(path, path.stat().st_size, 8 + length, places, json.loads(places.pop("__metadata__")["checksums"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
            return None

    @cached_property
    def addresses(self) -> frozenset[str]:
        return frozenset(self.places)

    def bytes_of(self, address: str) -> int:
        begin, end = self.places[address]["data_offsets"]
        return int(end - begin)

    def get(self, address: str) -> Tensor | None:
        """A shard; None if its bytes, or what the header says of them, are not those that were written."""
        try:
            column = self.whole(address)
            return column if checksum({"column": column}, "", address) == self.sums.get(address) else None
        except (OSError, ValueError, KeyError, TypeError, IndexError, RuntimeError):
            return None

    def whole(self, address: str) -> Tensor:
        """A shard as it lies there."""
        shape = self.places[address]["shape"]
        return self.rows(address, range(shape[0])).reshape(shape)

    def rows(self, address: str, rows: Sequence[int]) -> Tensor:
        """Rows of a shard [n, …] as they lie there. Raises OSError if the file is gone, or shorter."""
        place = self.places[address]
        dtype, (_, *shape) = DTYPES[place["dtype"]], place["shape"]
        width = dtype.itemsize * math.prod(shape)
        content = bytearray()
        with self.path.open("rb", buffering=0) as file:
            for begin, count in _runs(rows):
                file.seek(self.start + place["data_offsets"][0] + begin * width)
                content += file.read(count * width)
        if len(content) != len(rows) * width:
            raise OSError(f"{self.path} is truncated")
        if not content:
            return torch.empty(len(rows), *shape, dtype=dtype)
        return torch.frombuffer(content, dtype=dtype).reshape(len(rows), *shape)


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Rows that follow each other as (first, how many)."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and row == sum(runs[-1]):
            runs[-1] = runs[-1][0], runs[-1][1] + 1
        else:
            runs.append((row, 1))
    return runs


def write_pack(path: Path, columns: Mapping[str, Tensor], sums: Mapping[str, str] | None = None, durable: bool = True) -> None:
    """`sums` are the checksums that are known; `durable` as in `atomic`. Raises InvsoundError if the disk refuses."""
    from safetensors.torch import save_file

    known = sums or {}
    sums = {address: known.get(address) or checksum({"column": column}, "", address) for address, column in columns.items()}
    with atomic(path, durable) as temporary:
        save_file({address: column.contiguous() for address, column in columns.items()}, temporary, {"checksums": json.dumps(sums)})
