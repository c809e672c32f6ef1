"""The queue: one search at a time, each in a process that may be stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
from pathlib import Path
from typing import Any

from .process import Process, Refused, sound
from .tabs import Search

PATIENCE = 20.0
"""Seconds that a search has to end in order when it is stopped: what is found is told with its errors."""


class Queue:
    """Searches of all tabs, in the order in which they came."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self.folder, self.jobs, self.process = folder, jobs, Process(None)
        self._waiting: asyncio.Queue[Search] = asyncio.Queue()

    def put(self, search: Search) -> None:
        self._waiting.put_nowait(search)

    async def run(self) -> None:
        """For ever."""
        while True:
            search = await self._waiting.get()
            if not search.over:
                await self._search(search)

    async def _search(self, search: Search) -> None:
        search.state = "searching"
        given = {"setting": search.setting, "target": search.target, "lines": search.lines, "search": search.id, "jobs": self.jobs}
        try:
            found = await self.process.ask("search", search.take, **given)
        except Refused as refused:
            if not search.over:
                search.state, search.said = "failed", str(refused)
            return
        samples = self.folder / f"{search.id}.f32"
        samples.write_bytes(sound(found.pop("x")))
        search.end = found.pop("end")
        kept = {"options": search.setting["lines"], "command": search.command}
        search.samples, search.result, search.state, search.said = samples, found | kept, "found", found["advice"]
        if found["history"]:
            search.curve.append((found["seconds"], found["distance"]))

    def stop(self, search: Search) -> None:
        """End it in order; by force where it does not."""
        if search.state == "waiting":
            search.state, search.said = "stopped", "It was taken out of the queue."
        elif search.state == "searching":
            self.process.tell({"what": "stop", "search": search.id})
            asyncio.get_running_loop().call_later(PATIENCE, self._kill, search)

    def _kill(self, search: Search) -> None:
        if search.state == "searching":
            search.state, search.said = "stopped", "It did not end by itself, and was ended: nothing is known of its errors."
            with contextlib.suppress(OSError):
                self.process.kill()


def lines(fix: dict[str, Any], start: dict[str, Any], budget: Any, encoder: str) -> list[str]:
    """Options of the search, as they are written on the command line."""
    given = {"budget": budget, "fix": fix, "start": start, "encoder": encoder}
    return [f"match.{key}={json.dumps(value)}" for key, value in given.items() if value]


def command(name: str, setting: dict[str, Any], more: list[str]) -> str:
    """What repeats a search in a terminal."""
    parts = {kind: setting[kind] for kind in ("synth", "feature", "solver") if setting[kind]}
    flags = [word for kind, part in parts.items() for word in (f"--{kind}", part)]
    return shlex.join(["invsound", "match", name, *flags, *setting["lines"], *more])
