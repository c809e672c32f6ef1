"""The prepared columns that a machine keeps: how many there are, whether they are whole, and which of them may go."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..runs import folder, given
from ..runs.inputs import Inputs
from ..runs.parts import Parts
from ..system import progress
from ..system.files import remove_rests
from . import columns, designs
from .store import Store

NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Kept:
    """A shard: the file that it is, or is in, and its bytes there; `used` is when that file was written or last read, in seconds since
    1970, as far as the disk notes that."""

    address: str
    path: Path
    size: int
    used: float


def kept(store: Store) -> list[Kept]:
    """The shards of a store, last used first. Whatever else lies there is left out, and alone."""
    found = []
    for address in filter(NAME.fullmatch, store.alone()):
        if state := _state(path := store.path(address)):
            found.append(Kept(address, path, state.st_size, _used(state)))
    for pack in store.known():
        if state := _state(pack.path):
            found += [Kept(address, pack.path, pack.bytes_of(address), _used(state)) for address in pack.addresses]
    return sorted(found, key=lambda shard: (-shard.used, shard.path, shard.address))


def _state(path: Path) -> os.stat_result | None:
    """Of a regular file that is there."""
    with contextlib.suppress(OSError):  # gone meanwhile
        state = path.lstat()
        return state if stat.S_ISREG(state.st_mode) else None
    return None


def _used(state: os.stat_result) -> float:
    return max(state.st_mtime, state.st_atime)


def of_runs(runs: Iterable[Path], store: Store) -> dict[Path, set[str]]:
    """The addresses of the shards of runs, by the parts as they are installed now. Raises UsageError for what is no run folder."""
    return {run: set(_of_run(folder.existing(run), store)) for run in runs}


def _of_run(run: Path, store: Store) -> Iterable[str]:
    parts = Parts(given.load(run / "config.yaml", {}))
    drawn = designs.of_run(parts, Inputs(run))
    shards = columns.tasks(parts, columns.wanted(parts, drawn.nu, x=drawn.x), store, "cpu")
    return (task.address for pieces in shards.values() for task in pieces)


def damaged(store: Store, shards: Sequence[Kept]) -> list[Kept]:
    """Those that are truncated, altered or another's: a run would compute them again. To be looked at is not to be used."""
    bad = []
    with progress.bar("shards", len(shards)) as advance:
        for shard in shards:
            if store.get(shard.address) is None:
                bad.append(shard)
            with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
                os.utime(shard.path, (shard.used, shard.path.stat().st_mtime))
            advance(1)
    return bad


def excess(shards: Sequence[Kept], older: float | None = None, size: float | None = None) -> list[Kept]:
    """Those that were not used for `older` seconds; and, least recently used first, as many as are more than `size` bytes together."""
    found, total, now = [], 0, time.time()
    for shard in shards:
        total += shard.size
        if (older is not None and now - shard.used > older) or (size is not None and total > size):
            found.append(shard)
    return found


def remove(store: Store, shards: Iterable[Kept]) -> None:
    """Remove shards, and what killed writers left. A run that needs one after all computes it again. Raises UsageError while one packs."""
    remove_rests(store.root)
    store.drop(shard.address for shard in shards)
