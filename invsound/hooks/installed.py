"""The distributions that are installed, read so that damage to one harms no other."""

from __future__ import annotations

import email.parser
import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from ..errors import visible

GROUP = "invsound"


def canonical(name: str) -> str:
    """`invsound-bell` of `Invsound_Bell`: names that an index takes for one."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Entry:
    """A line of a distribution's entry points of the group `invsound`; `damage` says what is wrong with it, if it cannot be read."""

    name: str
    value: str
    distribution: str
    version: str
    damage: str = ""

    def load(self) -> object:
        """The hook module."""
        return importlib.metadata.EntryPoint(self.name, self.value, GROUP).load()


def entries() -> list[Entry]:
    """All of them, the first distribution of a name on the path alone, as importlib.metadata has it; names as a terminal may show them."""
    seen: set[str] = set()
    found: list[Entry] = []
    for dist in importlib.metadata.distributions():
        text, damage = read(dist, "entry_points.txt")
        if not damage and GROUP not in text:
            continue
        lines = [line for section, line in _lines(text) if section == GROUP]
        name, version = _origin(dist)
        if canonical(name) in seen:
            continue
        seen.add(canonical(name))
        found += [_entry(line, name, version, damage) for line in lines]
        if damage and not lines:
            found.append(Entry(name, "", name, version, damage))
    return found


def read(dist: importlib.metadata.Distribution, file: str) -> tuple[str, str]:
    """A file of a distribution's metadata, and what is wrong with it: bytes that are no UTF-8 are replaced, what is not there is empty."""
    try:
        return dist.read_text(file) or "", ""
    except UnicodeDecodeError as error:
        return error.object.decode("utf-8", "replace"), f"its {file} is not UTF-8; install it again."
    except (OSError, ValueError) as error:
        return "", f"its {file} cannot be read ({error}); install it again."


def metadata(dist: importlib.metadata.Distribution) -> Message:
    """The headers of METADATA, whatever is wrong with the others."""
    text = read(dist, "METADATA")[0] or read(dist, "PKG-INFO")[0]
    return email.parser.Parser().parsestr(text, headersonly=True)


def called(dist: importlib.metadata.Distribution) -> str:
    """The name in its metadata, or nothing."""
    return str(metadata(dist).get("Name", "")).strip()


def _origin(dist: importlib.metadata.Distribution) -> tuple[str, str]:
    """Distribution and version; the name of its folder stands in where the metadata are damaged."""
    headers = metadata(dist)
    name, version = (visible(str(headers.get(key, "")).strip()) for key in ("Name", "Version"))
    try:
        return name or visible(canonical(dist._normalized_name)), version or "?"  # type: ignore[attr-defined]
    except Exception:  # a finder of somebody's own, whose distributions have no folder
        return visible(f"unnamed in {dist.locate_file('')}"), version or "?"


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Section and line, as importlib.metadata reads them."""
    section = ""
    for line in map(str.strip, text.removeprefix("\ufeff").splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            yield section, line


def _entry(line: str, distribution: str, version: str, damage: str) -> Entry:
    name, _, value = (visible(part.strip()) for part in line.partition("="))
    if not damage and not re.fullmatch(r"[\w.]+\s*(:\s*[\w.]+)?\s*(\[.*\])?", value):
        damage = f"its entry point {visible(line)!r} is not of the form name = module; install it again."
    return Entry(name, value, distribution, version, damage)


def owners(module: str) -> set[str]:
    """Canonical names of the distributions that have files of a top-level module."""
    return {canonical(called(dist)) for dist in importlib.metadata.distributions() if module in modules(dist)}


def modules(dist: importlib.metadata.Distribution) -> frozenset[str]:
    """The top-level modules that a distribution's lists of files and modules name."""
    lists = "\n".join(read(dist, name)[0] for name in ("RECORD", "top_level.txt"))
    return frozenset(re.findall(r"^([^/.,\n]+)(?=[/.,]|$)", lists, re.MULTILINE))


def spare_torch() -> None:
    """Before torch is imported: it reads everybody's entry points for devices, and fails of damaged ones; then it does without."""
    if "torch" in sys.modules:
        return
    try:
        importlib.metadata.entry_points()
    except Exception:
        os.environ.setdefault("TORCH_DEVICE_BACKEND_AUTOLOAD", "0")
