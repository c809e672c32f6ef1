"""Files that are written whole, durably, or not at all; and whether their folder can be, asked before the work."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InvsoundError, UsageError, remedy

ROOM = "Make room or choose another folder."


@contextmanager
def atomic(path: Path, durable: bool = True) -> Iterator[Path]:
    """A temporary path in the folder of `path`, made if need be, that replaces `path` if the block succeeds and is removed if not.

    What is not `durable` is whole however the process ends, but not if the power goes: for what is checked when it is read. A file that is
    there keeps its mode, a new one has that of the umask. Whatever else is there is replaced and not followed, for a folder may be a
    stranger's: a path that the user named goes through `writable` first. Raises InvsoundError if the disk refuses.
    """
    temporary, handle = None, -1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = _temporary(path.parent)
        yield temporary
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        if path.is_file() and not path.is_symlink():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        os.replace(temporary, path)
    except OSError as error:
        raise InvsoundError(f"Cannot write {str(path)!r}: {error.strerror or error}. {remedy(error, ROOM)}") from error
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)
            os.close(handle)


def _temporary(folder: Path) -> tuple[int, Path]:
    """A new file that this process holds as long as it is open."""
    while True:
        name = folder / f".{secrets.token_hex(8)}.part"
        handle = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        with contextlib.suppress(OSError):  # of a disk without locks: what is left there stays
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, name
        os.close(handle)  # held too late: it was taken for a rest and removed


def is_rest(path: Path) -> bool:
    """Whether a file is a temporary one of `atomic`, by its name."""
    return bool(re.fullmatch(r"\.[a-z0-9_]{8}(?:[a-f0-9]{8})?\.part", path.name))


def remove_rests(folder: Path) -> None:
    """Remove, from a folder and those in it, the temporary files that nobody holds: those of writers that were killed."""
    for path in filter(is_rest, [*folder.glob(".*.part"), *folder.glob("*/.*.part")]):
        with contextlib.suppress(OSError):  # held by a writer; somebody else's; gone
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(handle)


def writable(path: Path) -> Path:
    """Where a file of this name is written: itself, or what it is a link to. Raises UsageError for what is there and is to stay."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = None
    except (OSError, ValueError) as error:
        raise UsageError(f"There can be no file {str(path)!r}: {getattr(error, 'strerror', None) or error}. Choose another.") from error
    if mode is not None and not stat.S_ISREG(mode):
        raise UsageError(
            f"{str(path)!r} is {'a folder' if stat.S_ISDIR(mode) else 'no regular file'}, and is left as it is. Choose another."
        )
    real = Path(os.path.realpath(path))
    if mode is not None and not os.access(real, os.W_OK):
        raise UsageError(f"{str(path)!r} may not be written. Choose another.")
    return real


def safe_name(text: str, also: str = "-_") -> str:
    """`text` with every character that is not a letter, a digit or in `also` replaced by an underscore."""
    return "".join(c if c.isalnum() or c in also else "_" for c in text)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, bytes of file names that are none as JSON escapes them. Raises InvsoundError if the disk refuses."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, indented; a NaN or an infinity is a ValueError. Raises InvsoundError if the disk refuses."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def check_folder(path: Path | str) -> None:
    """Raise UsageError if a folder is not there and cannot be made, or not be written. Makes nothing."""
    target = Path(path)
    try:
        there = next(folder for folder in (target.absolute(), *target.absolute().parents) if _exists(folder))
        why = "is no folder" if not there.is_dir() else "" if os.access(there, os.W_OK | os.X_OK) else "may not be written"
    except (OSError, ValueError) as error:
        raise UsageError(f"There can be no folder {str(target)!r}: {getattr(error, 'strerror', None) or error}. Choose another.") from error
    if why:
        raise UsageError(f"The folder {str(target)!r} cannot be written: {str(there)!r} {why}. Choose another.")


def make_folder(path: Path) -> bool:
    """Make a new folder; False if there is something of that name. Raises InvsoundError if the disk refuses."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise InvsoundError(f"Cannot write {str(path)!r}: {error.strerror or error}. {remedy(error, ROOM)}") from error
    return True


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
