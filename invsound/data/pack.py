"""A pack: one safetensors file of many shards, each named by its address, with its checksum; read by bytes, a row at a time if need be."""

from __future__ import annotations

import contextlib
import json
import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from ..system.files import atomic
from ..system.tensors import checksum

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "BOOL": torch.bool,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
}  # fmt: skip
HEADER = 2**28
"""Bytes that a header may have."""
CHUNK = 2**20
"""Bytes that are copied at a time."""
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error)


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
        with contextlib.suppress(*UNREADABLE):
            start, places = _header(path)
            return cls(path, path.stat().st_size, start, places, json.loads(places.pop("__metadata__")["checksums"]))
        return None

    @classmethod
    def of_one(cls, path: Path, address: str) -> Pack | None:
        """The file of one shard as a pack; None if it is missing, or damaged."""
        with contextlib.suppress(*UNREADABLE):
            start, header = _header(path)
            return cls(path, path.stat().st_size, start, {address: header["column"]}, {address: header["__metadata__"]["checksum"]})
        return None

    @cached_property
    def addresses(self) -> frozenset[str]:
        return frozenset(self.places)

    def spans(self) -> Iterator[tuple[int, int, str]]:
        """Where the shards lie that are there to the end: first byte, last + 1, address."""
        for address, place in self.places.items():
            with contextlib.suppress(KeyError, TypeError, ValueError):
                begin, end = map(int, place["data_offsets"])
                if address in self.sums and 0 <= begin <= end <= self.size - self.start:
                    yield begin, end, address

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


def _header(path: Path) -> tuple[int, dict[str, Any]]:
    """Where data begin in a safetensors file, and what lies there."""
    if not path.is_file():  # to open a pipe would be to wait for it
        raise FileNotFoundError(path)
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return 8 + length, json.loads(file.read(length)) if length <= HEADER else {}


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Rows that follow each other as (first, how many)."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and row == sum(runs[-1]):
            runs[-1] = runs[-1][0], runs[-1][1] + 1
        else:
            runs.append((row, 1))
    return runs


def write_pack(path: Path, columns: Mapping[str, Tensor], durable: bool = True) -> None:
    """`durable` as in `atomic`. Raises InvsoundError if the disk refuses."""
    from safetensors.torch import save_file

    sums = {address: checksum({"column": column}, "", address) for address, column in columns.items()}
    with atomic(path, durable) as temporary:
        save_file({address: column.contiguous() for address, column in columns.items()}, temporary, {"checksums": json.dumps(sums)})


def merge_packs(path: Path, packs: Iterable[Pack], but: Set[str] = frozenset()) -> None:
    """One pack of what several hold, the first that has it, `but` of some addresses, whose bytes are copied as they lie there.

    What their checksums say is believed when it is read. Raises InvsoundError if the disk refuses.
    """
    places, sums, runs, at = dict[str, dict[str, Any]](), dict[str, str](), list[tuple[Pack, int, int]](), 0
    for pack in packs:
        for begin, end, address in sorted(pack.spans()):
            if address in but or address in places:
                continue
            places[address] = pack.places[address] | {"data_offsets": [at, at + end - begin]}
            sums[address], at = pack.sums[address], at + end - begin
            if runs and runs[-1][0] is pack and runs[-1][2] == begin:
                begin = runs.pop()[1]
            runs.append((pack, begin, end))
    if not places:
        return
    header = json.dumps({"__metadata__": {"checksums": json.dumps(sums)}, **places}).encode()
    header += b" " * (-len(header) % 8)
    with atomic(path) as temporary, temporary.open("wb") as out:
        out.write(struct.pack("<Q", len(header)) + header)
        for pack, begin, end in runs:
            with pack.path.open("rb", buffering=0) as file:
                file.seek(pack.start + begin)
                _copy(file, out, end - begin)
        if out.tell() != 8 + len(header) + at:
            raise OSError(f"a pack in {str(path.parent)!r} became shorter while it was read")


def _copy(source: FileIO, out: BinaryIO, count: int) -> None:
    """So many bytes, or as many as there are, through memory that is used again."""
    through = memoryview(bytearray(min(count, CHUNK)))
    while count and (read := source.readinto(through[:count])):
        out.write(through[:read])
        count -= read
