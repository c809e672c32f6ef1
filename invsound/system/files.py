"""Files that are written whole, durably, or not at all; and whether their folder can be, asked before the work."""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InvsoundError, UsageError, remedy

ROOM = "Make room or choose another folder."


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of `path`, made if need be, that replaces `path` if the block succeeds and is removed if not.

    A file that is there keeps its mode, a new one has that of the umask. Whatever else is there is replaced and not followed, for a
    folder may be a stranger's: a path that the user named goes through `writable` first. Raises InvsoundError if the disk refuses.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        name = path.parent / f".{secrets.token_hex(8)}.part"
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        temporary = name
        yield temporary
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


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
