"""A process that computes for the server: a part may crash it or hang in it, and the next request starts another."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from invsound import InvsoundError

BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from invsound_studio.worker import work; work()"
LONGEST = 2**26
"""Bytes of one answer."""
PATIENCE = 5.0


class Refused(InvsoundError):
    """What a process answers where it does not do what it was asked; the message says why."""


class Process:
    """`ask` it one thing at a time. It ends with this process, however that ends: its input is then closed."""

    def __init__(self, limit: float | None) -> None:
        self.limit, self.closed, self._process, self._one = limit, False, None, asyncio.Lock()
        self._process: asyncio.subprocess.Process | None

    async def ask(self, what: str, told: Callable[[dict[str, Any]], None] = lambda news: None, **given: Any) -> dict[str, Any]:
        """The answer to `what`; `told` is called with news on the way. Raises Refused where it refuses, crashes or takes too long."""
        async with self._one:
            if self.closed:
                raise Refused("The studio has ended.")
            process = await self._started()
            try:
                return await asyncio.wait_for(self._answer(process, {"what": what, **given}, told), self.limit)
            except asyncio.TimeoutError:
                self.kill()
                raise Refused(f"That took longer than {self.limit:g} s, and was ended.") from None
            except asyncio.CancelledError:
                self.kill()
                raise

    async def _answer(self, process: asyncio.subprocess.Process, request: dict[str, Any], told: Any) -> dict[str, Any]:
        self.tell(request)
        while line := await process.stdout.readline():  # type: ignore[union-attr]
            message: dict[str, Any] = json.loads(line)
            if "news" in message:
                told(message["news"])
            elif "error" in message:
                raise Refused(message["error"])
            else:
                return message["answer"]  # type: ignore[no-any-return]
        code = await process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        raise Refused(f"The process that computes ended ({how}): a part crashed it, or memory is short. The next request starts another.")

    def tell(self, message: dict[str, Any]) -> None:
        """Say something that is not answered."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, RuntimeError):  # it has ended, and whoever waits for its answer is told
                self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", BOOT, json.dumps(sys.path), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                limit=LONGEST, start_new_session=True,
            )  # fmt: skip
            if self.closed:  # meanwhile
                self.kill()
                raise Refused("The studio has ended.")
        return self._process

    def kill(self) -> None:
        """End it now, and all that it has started."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it for good."""
        self.closed = True
        self.kill()

    async def ended(self) -> None:
        """When it is no more, or `PATIENCE` seconds after it was killed: what it has started may hold its streams."""
        if self._process is not None:
            self.kill()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._process.wait(), PATIENCE)


def sound(text: str) -> bytes:
    """float32 samples of an answer."""
    return base64.b64decode(text)
