"""The app: what the page may ask for."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

import invsound

from . import asked, searching
from .process import Process, Refused, sound
from .security import LIMIT, Guard
from .tabs import Search, Sound, Tab, Tabs, fresh

RENDER_LIMIT = 120.0
"""Seconds for anything but a search; the first asks for torch, too."""
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PAGE = {path.name: path.read_bytes() for path in files(__package__).joinpath("page").iterdir() if Path(path.name).suffix in TYPES}
"""The files of the page, by their names: no path is made from what is asked for."""


async def nowhere(request: Request, error: Exception) -> Response:
    return PlainTextResponse("There is no such page. Open the address that invsound studio has printed.", 404)


class Studio:
    """`app`, and what it keeps while it serves: tabs, three processes, and a folder of sounds that is gone with it."""

    def __init__(self, token: str, jobs: int = 1, runs: dict[str, str] | None = None, limit: int = LIMIT) -> None:
        self.tabs, self.runs, self.jobs = Tabs(), runs or {}, jobs
        self.player, self.listener = Process(RENDER_LIMIT), Process(RENDER_LIMIT)
        answers: dict[tuple[str, str], Callable[[Tab, Request], Awaitable[Any]]] = {
            ("GET", "/parts"): self.parts, ("POST", "/bench"): self.bench,
            ("POST", "/sounds"): self.take, ("GET", "/sounds/{id}"): self.file,
            ("POST", "/hear"): self.hear, ("POST", "/guess"): self.guess,
            ("POST", "/render"): self.render, ("POST", "/measure"): self.measure,
            ("POST", "/searches"): self.begin, ("GET", "/searches"): self.state, ("GET", "/searches/{id}"): self.result,
            ("GET", "/searches/{id}/target"): self.target, ("POST", "/searches/{id}/stop"): self.stop,
            ("POST", "/open"): self.open, ("POST", "/runs"): self.open_run, ("POST", "/preset"): self.preset,
        }  # fmt: skip
        routes = [Route(f"/api{path}", self._answering(function), methods=[method]) for (method, path), function in answers.items()]
        routes += [Route("/", self.page), Route("/page/{name}", self.page)]
        guard = Middleware(Guard, token=token, limit=limit)
        self.app = Starlette(routes=routes, middleware=[guard], exception_handlers={404: nowhere}, lifespan=self.open_and_close)

    @contextlib.asynccontextmanager
    async def open_and_close(self, app: Starlette) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory(prefix="invsound-studio-") as folder:
            self.folder = Path(folder)
            self.queue = searching.Queue(self.folder, self.jobs)
            task = asyncio.create_task(self.queue.run())
            try:
                yield
            finally:
                self.close()
                task.cancel()
                await asyncio.gather(task, *(process.ended() for process in self.processes), return_exceptions=True)

    @property
    def processes(self) -> tuple[Process, ...]:
        return self.player, self.listener, self.queue.process

    def close(self) -> None:
        """End what computes."""
        for process in self.processes:
            process.close()

    def _answering(self, function: Callable[[Tab, Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                found = await function(self.tabs[request.headers.get("x-invsound-tab", "")], request)
            except invsound.InvsoundError as refused:
                return JSONResponse({"error": str(refused)}, 400)
            return found if isinstance(found, Response) else JSONResponse(found)

        return answer

    async def page(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in PAGE:
            raise HTTPException(404)
        return Response(PAGE[name], media_type=TYPES[Path(name).suffix])

    async def parts(self, tab: Tab, request: Request) -> Any:
        kinds = {kind: invsound.parts(kind) for kind in ("synth", "feature", "solver")}
        return kinds | {"runs": list(self.runs), "limit": LIMIT, "sounds": [one.as_dict() for one in tab.sounds.values()]}

    async def bench(self, tab: Tab, request: Request) -> Any:
        return await self.player.ask("bench", setting=asked.setting(await asked.body(request)))

    async def take(self, tab: Tab, request: Request) -> Any:
        """A sound: the body is the file."""
        path = self.folder / f"{fresh()}.sound"
        name = os.path.basename(request.query_params.get("name", "").replace("\\", "/"))[:120] or "sound"
        try:
            with path.open("wb") as file:
                async for block in request.stream():
                    file.write(block)
            return await self._kept(tab, path, name)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    async def _kept(self, tab: Tab, path: Path, name: str) -> dict[str, Any]:
        sound = Sound(path.stem, name, path, await self.player.ask("look", path=str(path), name=name))
        tab.keep(sound)
        return sound.as_dict()

    async def file(self, tab: Tab, request: Request) -> Any:
        return Response(tab.sound(request.path_params["id"]).path.read_bytes(), media_type="application/octet-stream")

    async def hear(self, tab: Tab, request: Request) -> Any:
        given = await asked.body(request)
        return await self.player.ask("hear", setting=asked.setting(given), target=tab.target(given["target"]))

    async def render(self, tab: Tab, request: Request) -> Any:
        given = await asked.body(request)
        found = await self.player.ask("render", setting=asked.setting(given), values=asked.named(given, "values"))
        return Response(sound(found["x"]), media_type="application/octet-stream")

    async def measure(self, tab: Tab, request: Request) -> Any:
        given = await asked.body(request)
        target = tab.target(given["target"])
        return await self.player.ask("measure", setting=asked.setting(given), values=asked.named(given, "values"), target=target)

    async def preset(self, tab: Tab, request: Request) -> Any:
        given = await asked.body(request)
        name = str(given.get("name", ""))[:120]
        found = await self.player.ask("preset", setting=asked.setting(given), values=asked.named(given, "values"), name=name)
        return Response(base64.b64decode(found["file"]), media_type="application/octet-stream")

    async def guess(self, tab: Tab, request: Request) -> Any:
        given = await asked.body(request)
        run = str(given.get("encoder", ""))
        encoder = self.runs.get(run, "")
        return await self.listener.ask("guess", setting=asked.setting(given), target=tab.target(given["target"]), encoder=encoder, name=run)

    async def begin(self, tab: Tab, request: Request) -> Any:
        """A search, at the end of the queue."""
        given = await asked.body(request)
        setting, target, encoder = asked.setting(given), tab.target(given["target"]), self.runs.get(str(given.get("encoder", "")), "")
        if "samples" in target:
            raise Refused("A search begins from a sound.")
        more = searching.lines(asked.named(given, "fix"), asked.named(given, "start"), given.get("budget"), encoder)
        search = Search(fresh(), target["name"], setting, target, more, searching.command(target["name"], setting, more))
        tab.keep(search)
        self.queue.put(search)
        return search.as_dict()

    async def state(self, tab: Tab, request: Request) -> Any:
        return [search.as_dict() for search in tab.searches.values()]

    async def result(self, tab: Tab, request: Request) -> Any:
        search = tab.search(request.path_params["id"])
        if search.result is None:
            raise Refused(search.said or "The match has not ended yet.")
        return search.result

    async def target(self, tab: Tab, request: Request) -> Any:
        samples = Path(tab.target({"search": request.path_params["id"]})["samples"])
        return Response(samples.read_bytes(), media_type="application/octet-stream")

    async def stop(self, tab: Tab, request: Request) -> Any:
        search = tab.search(request.path_params["id"])
        self.queue.stop(search)
        return search.as_dict()

    async def open(self, tab: Tab, request: Request) -> Any:
        """What was saved, of this page or of `invsound match`: its setting and values, checked."""
        saved = await asked.body(request)
        given = {kind: saved.get(kind) for kind in ("synth", "feature", "solver")} | {"lines": saved.get("options", [])}
        if not all(isinstance(given[kind], str) for kind in ("synth", "feature")) or not isinstance(saved.get("parameters"), dict):
            raise Refused(
                "That is no match: it lacks synth, feature or parameters. Open a match.json of invsound match, or one saved here."
            )
        setting, values = asked.setting({"setting": given}), saved["parameters"]
        bench = await self.player.ask("bench", setting=setting)
        await self.player.ask("render", setting=setting, values=values)
        return {"setting": setting, "bench": bench, "match": saved}

    async def open_run(self, tab: Tab, request: Request) -> Any:
        """A run of the command line, by its name: its setting, and copies of the sounds that it keeps."""
        name = str((await asked.body(request)).get("name"))
        if name not in self.runs:
            raise Refused("The studio was not started with that run. Start it with --run and the run's folder.")
        found, sounds = await self.player.ask("run", path=self.runs[name]), []
        for kept in found.pop("sounds"):
            path = self.folder / f"{fresh()}.sound"
            shutil.copyfile(kept, path)
            sounds.append(await self._kept(tab, path, os.path.basename(kept)))
        return found | {"sounds": sounds}
