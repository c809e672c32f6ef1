"""Whether a folder can be written, asked before the work that is to be kept there."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UsageError


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
