"""A folder belongs to one command at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import InvsoundError, UsageError, remedy
from .files import ROOM
from .shared import check_main_guard

LOCK = ".lock"


class Busy(UsageError):
    """Another command writes the folder."""


@contextmanager
def claimed(folder: Path | str) -> Iterator[Path]:
    """The folder, made if need be, for this thread of this process until the block or the process ends.

    What was made and is empty at the end is removed. Raises Busy if another has it, InvsoundError if the disk refuses.
    """
    check_main_guard()
    path = Path(folder)
    lock, made = FileLock(path / LOCK), [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise Busy(f"{str(path)!r} is being written by another command. Wait for its end, or choose another folder.") from None
    except OSError as error:
        raise InvsoundError(f"Cannot write {str(path)!r}: {error.strerror or error}. {remedy(error, ROOM)}") from error
    try:
        yield path
    finally:
        if is_empty(path):
            (path / LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # another has something in it by now
                for folder in made:
                    folder.rmdir()
        lock.release()


def is_empty(path: Path) -> bool:
    """Whether a folder holds nothing, its claim apart."""
    return path.is_dir() and all(entry.name == LOCK for entry in path.iterdir())
