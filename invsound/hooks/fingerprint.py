"""What a part's numbers depend on besides its options: every file that they may have been computed from."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from .code import MAIN
from .installed import called, modules, read
from .objects import imported
from .registry import find

# of the regular expression and the parser, one takes milliseconds for a package; a word too many costs a look for a module
IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(\w+)[\w.]*[ \t]+import\b|import[ \t]+([\w., \t]+))", re.MULTILINE)


def fingerprint(kind: str, name: str) -> str:
    """Distribution, version, and a digest of the part's top-level package and of the packages under work that it imports.

    The digest spares an author who edits a file in place from columns prepared by yesterday's code. A package under work is one that no
    index released: installed as editable, from a folder or a repository, or found on the path as it is. Of a class that was given, the
    version is a digest of its code in memory. Raises UsageError as `find` does.
    """
    offer = find(kind, name)
    return f"{offer.distribution} {offer.version} {digest(offer.part.target.partition(':')[0], offer.distribution, imported(offer))}"


def digest(module: str, distribution: str = "", more: Iterable[str] = ()) -> str:
    """sha256, 16 digits, of every file of the module's top-level package, data and compiled ones too, and of what it imports under work.

    `more` are packages that it is known to import.
    """
    found: dict[str, list[str]] = {}
    waiting = {module.partition(".")[0]} - {MAIN} | {package for package in more if _under_work(package, distribution)}
    while waiting:
        package = waiting.pop()
        found[package] = []
        for name, path in _files(package):
            content, imports = _read(path)
            found[package] += [name, content]
            waiting |= {other for other in imports if other not in found and _under_work(other, distribution)}
    lines = [line for package in sorted(found) for line in (package, *found[package])]
    return hashlib.sha256("\0".join(lines).encode()).hexdigest()[:16]


def _places(package: str) -> tuple[Path, ...]:
    """The folders of a package, or the one file of a module; nothing where it is built in, or absent."""
    return _found(package, tuple(sys.path))


@functools.cache
def _found(package: str, path: tuple[str, ...]) -> tuple[Path, ...]:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return ()
    if spec is None:
        return ()
    places = list(spec.submodule_search_locations or ([spec.origin] if spec.has_location and spec.origin else []))
    return tuple(map(Path, places))


def _files(package: str) -> Iterator[tuple[str, str]]:
    """Name in the package and path of each file, sorted; what Python or an editor keeps beside them is left out."""
    for place in _places(package):
        if place.is_file():
            yield place.name, str(place)
        for folder, inner, names in os.walk(place):
            inner[:] = sorted(name for name in inner if name != "__pycache__" and not name.startswith("."))
            kept = sorted(name for name in names if not name.startswith(".") and not name.endswith((".pyc", "~")))
            yield from (((path := os.path.join(folder, name)).removeprefix(str(place)), path) for name in kept)


def _read(path: str) -> tuple[str, frozenset[str]]:
    try:
        state = os.stat(path)
        return _content(path, state.st_mtime_ns, state.st_size)
    except OSError:  # gone since the folder was listed, or not to be read: no part reads it either
        return "", frozenset()


@functools.cache
def _content(path: str, mtime_ns: int, size: int) -> tuple[str, frozenset[str]]:
    """sha256 of a file, and the top-level names that it imports if it is Python."""
    with open(path, "rb") as file:
        content = hashlib.sha256()
        while piece := file.read(2**20):
            content.update(piece)
    if not path.endswith(".py"):
        return content.hexdigest(), frozenset()
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    listed = [name for one, several in IMPORT.findall(text) for name in ([one] if one else several.split(","))]
    return content.hexdigest(), frozenset(filter(None, (re.split(r"[.\s]", name.strip())[0] for name in listed)))


def _under_work(package: str, distribution: str) -> bool:
    """Whether a package may change while its version stays: it is the distribution's own, or no release claims it."""
    if package in sys.stdlib_module_names or not (places := _places(package)):
        return False
    return all(owner == distribution or not released for place in places for owner, released in _owners(place.parent, package))


@functools.cache
def _owners(folder: Path, package: str) -> tuple[tuple[str, bool], ...]:
    """The distributions in a folder that installed the package there, and whether each is a release."""
    return tuple((name, released) for name, released, claimed in _installed(folder) if package in claimed)


@functools.cache
def _installed(folder: Path) -> tuple[tuple[str, bool, frozenset[str]], ...]:
    """Name, whether an index released it (pip writes direct_url.json otherwise), and modules of each distribution in a folder."""
    found = importlib.metadata.distributions(path=[str(folder)])
    return tuple((called(dist), not read(dist, "direct_url.json")[0], modules(dist)) for dist in found)
