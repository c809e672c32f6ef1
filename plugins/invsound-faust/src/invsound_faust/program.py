"""A Faust program on disk: its text, and a digest of that and of what it imports from its own folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

IMPORT = re.compile(r'\b(?:import|library|component)\s*\(\s*"([^"]+)"\s*\)')
LARGEST = 2**22  # bytes


def text(path: Path) -> str:
    """The program. Raises ValueError where there is none."""
    try:
        if not path.is_file():
            raise ValueError(f"there is no program {str(path)!r}. Give file the path of a Faust program (.dsp)")
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{str(path)!r} is no Faust program: it has more than {LARGEST} bytes")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{str(path)!r} is no Faust program: it is no text in UTF-8") from error


def digest(path: Path) -> str:
    """sha256, 16 digits, of the program and of the files beside it that it imports, and they."""
    content = hashlib.sha256()
    for name, source in sorted(_files(path, {})):
        content.update(f"{name}\0{source}\0".encode())
    return content.hexdigest()[:16]


def _files(path: Path, seen: dict[Path, bool]) -> Iterator[tuple[str, str]]:
    """Name and text of each, the program's own name left out: a copy is the same program."""
    source = text(path)
    yield "" if not seen else path.name, source
    seen[path] = True
    for name in IMPORT.findall(source):
        other = path.parent / name
        if other.is_file() and other not in seen:  # the others come with Faust
            yield from _files(other, seen)
