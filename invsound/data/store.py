"""Prepared columns on disk, by what made them: a file for each shard as it is computed, and packs of many."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
from torch import Tensor

from ..errors import InvsoundError
from ..system.claim import Busy, claimed
from ..system.files import check_folder
from ..system.tensors import as_bytes, save_tensors
from .pack import Pack, merge_packs, write_pack

PACK = 2**26
"""Bytes: smaller packs are merged with what comes after."""
SUFFIX = ".safetensors"


def digest(recipe: Any, nu: Tensor) -> str:
    """The content address of what `recipe` (JSON-ready) makes of ν: sha256, hexadecimal."""
    return addressed(recipe)(tuple(nu.shape), as_bytes(nu))


def addressed(recipe: Any) -> Callable[[tuple[int, ...], bytes], str]:
    """`digest` of one recipe, for many ν, told by their shape and bytes."""
    begun = hashlib.sha256(json.dumps(recipe, sort_keys=True, allow_nan=False).encode() + b"\0")

    def of(shape: tuple[int, ...], content: bytes) -> str:
        digest = begun.copy()
        digest.update(str(shape).encode() + content)
        return digest.hexdigest()

    return of


class Store:
    """Content-addressed columns: `address` names what made them, so that runs share them and nothing is ever stale.

    Whoever computes shards writes a file of one, or of some, whole or not at all; whoever asked for them packs many into one.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()
        self.packs = self.root / "packs"
        self._packs: dict[str, Pack] = {}
        self._of: dict[str, Pack] = {}
        self._seen = -1

    def path(self, address: str) -> Path:
        """Where a shard is that is in no pack."""
        return self.root / address[:2] / f"{address}{SUFFIX}"

    def has(self, address: str) -> bool:
        return self._pack(address) is not None or self.path(address).exists()

    def alone(self) -> set[str]:
        """The shards that have files of their own."""
        return {name for folder in _listed(self.root) if len(folder) == 2 for name in _columns(self.root / folder) if name[:2] == folder}

    def addresses(self) -> Set[str]:
        """All shards that are there: of many, asked for at once, without a look at the disk for each."""
        self.known()
        return self._of.keys() | self.alone()

    def get(self, address: str) -> Tensor | None:
        """The column at an address; None if it is absent, damaged or another's, which is the same thing: it is computed again."""
        return next((column for pack in self._holders(address) if (column := pack.get(address)) is not None), None)

    def rows(self, address: str, rows: Sequence[int]) -> Tensor:
        """Some rows of a shard, read alone, and not verified again. Raises InvsoundError if it is gone."""
        for pack in self._holders(address):
            with contextlib.suppress(OSError):  # merged with another meanwhile
                return pack.rows(address, rows)
        raise InvsoundError("A shard is gone that was there. Give the same command again, or --resume: it is computed again.")

    def put(self, address: str, column: Tensor) -> None:
        with _advised():
            save_tensors(self.path(address), {"column": column}, address=address, durable=False)

    def put_all(self, columns: dict[str, Tensor]) -> None:
        """One, or several in one file, a small pack."""
        if len(columns) == 1:
            return self.put(*next(iter(columns.items())))
        with _advised():
            write_pack(self._new_pack(), columns, durable=False)

    def _new_pack(self) -> Path:
        return self.packs / f"{secrets.token_hex(8)}{SUFFIX}"

    def pack(self, addresses: Iterable[str]) -> None:
        """Put shards that have files of their own into one, with the packs that are small; unless another process does that now."""
        with contextlib.suppress(Busy), _advised(), claimed(self.packs):
            small = [pack for pack in self.known() if pack.size < PACK]
            own = ((address, self._alone(address)) for address in addresses)
            alone = {address: column for address, pack in own if pack and (column := pack.get(address)) is not None}
            if alone:
                write_pack(path := self._new_pack(), alone)
                small = [pack for pack in (Pack.read(path),) if pack] + small
            self._merge(small)
            for address in alone:
                self.path(address).unlink(missing_ok=True)

    def drop(self, addresses: Iterable[str]) -> None:
        """Remove shards. A pack keeps those that are not named. Raises Busy where another process packs."""
        gone = set(addresses)
        for address in gone:
            self.path(address).unlink(missing_ok=True)
        if any(gone & pack.addresses for pack in self.known()):
            with claimed(self.packs):
                self._merge([pack for pack in self.known() if gone & pack.addresses], gone)

    def _merge(self, packs: Sequence[Pack], but: Set[str] = frozenset()) -> None:
        """One pack in the place of several, or of one without some shards."""
        if len(packs) > 1 or but:
            merge_packs(self._new_pack(), packs, but)
            for pack in packs:
                pack.path.unlink(missing_ok=True)

    def _alone(self, address: str) -> Pack | None:
        return Pack.of_one(self.path(address), address)

    def known(self) -> list[Pack]:
        """The packs as they are now; one that cannot be read is none."""
        self._seen = self._changed()
        names = {f"{name}{SUFFIX}" for name in _columns(self.packs)}
        if self._packs.keys() - names:  # what they held, another may hold
            self._packs = {name: pack for name, pack in self._packs.items() if name in names}
            self._of = {address: pack for pack in self._packs.values() for address in pack.addresses}
        new = {name: pack for name in names - self._packs.keys() if (pack := Pack.read(self.packs / name))}
        self._packs |= new
        self._of |= {address: pack for pack in new.values() for address in pack.addresses}
        return list(self._packs.values())

    def _pack(self, address: str) -> Pack | None:
        if self._changed() != self._seen:
            self.known()
        return self._of.get(address)

    def _changed(self) -> int:
        """When packs came or went, as the disk notes it; −1 if there are none."""
        with contextlib.suppress(OSError):
            return self.packs.stat().st_mtime_ns
        return -1

    def _holders(self, address: str) -> Iterator[Pack]:
        """A shard's own file, the pack that is known to hold it, and if that has gone, another."""
        if alone := self._alone(address):
            yield alone
        if pack := self._of.get(address):
            yield pack
        self.known()
        if (other := self._of.get(address)) and other is not pack:
            yield other

    def check(self) -> None:
        """Raise UsageError, before the work, if there can be no column here."""
        with _advised():
            check_folder(self.root)


def _columns(folder: Path) -> Iterator[str]:
    """The names of the shards, or packs, in a folder."""
    return (name.removesuffix(SUFFIX) for name in _listed(folder) if name.endswith(SUFFIX) and not name.startswith("."))


def _listed(folder: Path) -> list[str]:
    """Nothing where there is no folder."""
    with contextlib.suppress(OSError):
        return os.listdir(folder)
    return []


@contextmanager
def _advised() -> Iterator[None]:
    """What is wrong with the folder of prepared columns, and how to have another."""
    try:
        yield
    except Busy:
        raise
    except InvsoundError as error:
        raise type(error)(f"{error} It holds prepared columns: INVSOUND_CACHE names another folder for them.") from error


def default_root() -> Path:
    """Where prepared columns live: `$INVSOUND_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("INVSOUND_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("invsound"))
