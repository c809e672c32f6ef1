"""A folder belongs to one command at a time."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import InvsoundError, UsageError, remedy
from .files import ROOM, is_rest, remove_rests
from .shared import check_main_guard

LOCK = ".lock"


class Busy(UsageError):
    """Another command writes the folder."""


@contextmanager
def claimed(folder: Path | str) -> Iterator[Path]:
    """The folder, made if need be, for this thread of this process until the block or the process ends.

    What writers that were killed left in it is removed, and at the end, if it is empty, whatever was made. Raises Busy if another has
    it, InvsoundError if the disk refuses.
    """
    check_main_guard()
    path = Path(folder)
    lock, made = FileLock(path / LOCK), [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        _acquire(lock, path)
    except Timeout:
        raise Busy(f"{str(path)!r} is being written by another command. Wait for its end, or choose another folder.") from None
    except OSError as error:
        raise InvsoundError(f"Cannot write {str(path)!r}: {error.strerror or error}. {remedy(error, ROOM)}") from error
    try:
        remove_rests(path)
        yield path
    finally:
        if is_empty(path):
            (path / LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # another has something in it by now
                for folder in made:
                    folder.rmdir()
        lock.release()


def _acquire(lock: FileLock, path: Path, tries: int = 20) -> None:
    """In a few tries: whoever has the folder may remove it, empty, at any moment between seeing it, making it and locking it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0.1, poll_interval=0.01)
    except (FileNotFoundError, FileExistsError):
        if not tries:
            raise
        _acquire(lock, path, tries - 1)


@contextmanager
def claimed_free(folder: Path | str) -> Iterator[Path]:
    """The folder or, of folder-2, folder-3 …, the first that no other command is writing. Raises InvsoundError if the disk refuses."""
    with contextlib.ExitStack() as stack:
        yield next(path for k in itertools.count(1) if (path := _tried(stack, f"{folder}-{k}" if k > 1 else folder)))


def _tried(stack: contextlib.ExitStack, folder: Path | str) -> Path | None:
    try:
        return stack.enter_context(claimed(folder))
    except Busy:
        return None


def is_empty(path: Path) -> bool:
    """Whether a folder holds nothing, its claim and the rests of killed writers apart."""
    return path.is_dir() and all(entry.name == LOCK or is_rest(entry) for entry in path.iterdir())
