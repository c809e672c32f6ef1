"""What the server keeps of each tab: its sounds and its searches, the last few of them."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .process import Refused

TABS, SOUNDS, SEARCHES, POINTS = 16, 24, 48, 2000
"""How many tabs; of a tab, how many sounds and searches; points of a curve."""


@dataclass
class Sound:
    """A file that was sent, under a name of the server's own."""

    id: str
    name: str
    path: Path
    about: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, **self.about}


@dataclass
class Search:
    """A match that waits, goes on or has ended: `state` is waiting, searching, found, stopped or failed."""

    id: str
    name: str
    setting: dict[str, Any]
    target: dict[str, Any]
    lines: list[str]
    command: str
    state: str = "waiting"
    said: str = ""
    curve: list[tuple[float, float]] = field(default_factory=list)
    nearest: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    samples: Path | None = None
    end: int | None = None

    def take(self, news: dict[str, Any]) -> None:
        """The nearest sound so far."""
        self.nearest = news
        if len(self.curve) < POINTS:
            self.curve.append((news["seconds"], news["distance"]))

    def as_dict(self) -> dict[str, Any]:
        """What the page is told again and again."""
        told = {"id": self.id, "name": self.name, "state": self.state, "said": self.said, "curve": self.curve, "nearest": self.nearest}
        return told | {"setting": self.setting, "command": self.command}

    @property
    def over(self) -> bool:
        return self.state not in ("waiting", "searching")


@dataclass
class Tab:
    """A page that is open."""

    sounds: OrderedDict[str, Sound] = field(default_factory=OrderedDict)
    searches: OrderedDict[str, Search] = field(default_factory=OrderedDict)

    def keep(self, one: Sound | Search) -> None:
        """Take it in, and let the oldest go that nobody needs."""
        if isinstance(one, Sound):
            self.sounds[one.id] = one
            used = {search.target["path"] for search in self.searches.values() if not search.over}
            for old in [s for s in self.sounds.values() if str(s.path) not in used][: max(0, len(self.sounds) - SOUNDS)]:
                del self.sounds[old.id]
                old.path.unlink(missing_ok=True)
        else:
            self.searches[one.id] = one
            for old in [s for s in self.searches.values() if s.over][: max(0, len(self.searches) - SEARCHES)]:
                self.forget(old.id)

    def forget(self, search: str) -> None:
        if (samples := self.searches.pop(search).samples) is not None:
            samples.unlink(missing_ok=True)

    def sound(self, name: str) -> Sound:
        if name not in self.sounds:
            raise Refused("That sound is not here any more. Drop it again.")
        return self.sounds[name]

    def search(self, name: str) -> Search:
        if name not in self.searches:
            raise Refused("That match is not here any more. Match the sound again, or open what was saved.")
        return self.searches[name]

    def target(self, given: dict[str, Any]) -> dict[str, Any]:
        """What a worker is told of {sound, begin, end} or of {search}: files that the server has named."""
        if "search" in given:
            search = self.search(str(given["search"]))
            if search.samples is None:
                raise Refused("The match has not ended yet.")
            return {"samples": str(search.samples), "end": search.end}
        sound, (begin, end) = self.sound(str(given.get("sound"))), (given.get("begin") or 0.0, given.get("end"))
        if not all(isinstance(time, (int, float)) or time is None for time in (begin, end)) or (end is not None and end <= begin):
            raise Refused("The end of what is compared is before its beginning: move one of them.")
        return {"path": str(sound.path), "name": sound.name, "begin": float(begin), "end": end}


class Tabs:
    """Tabs by the names that they have given themselves."""

    def __init__(self) -> None:
        self._tabs: OrderedDict[str, Tab] = OrderedDict()

    def __getitem__(self, name: str) -> Tab:
        if not re.fullmatch(r"[\w-]{8,40}", name):
            raise Refused("This page has no name. Load it again.")
        tab = self._tabs.setdefault(name, Tab())
        self._tabs.move_to_end(name)
        idle = [key for key, tab in self._tabs.items() if all(search.over for search in tab.searches.values())]
        for key in idle[: max(0, len(self._tabs) - TABS)]:
            self._drop(self._tabs.pop(key))
        return tab

    @staticmethod
    def _drop(tab: Tab) -> None:
        for sound in tab.sounds.values():
            sound.path.unlink(missing_ok=True)
        for search in list(tab.searches):
            tab.forget(search)


def fresh() -> str:
    """A name of the server's own."""
    return secrets.token_hex(8)
