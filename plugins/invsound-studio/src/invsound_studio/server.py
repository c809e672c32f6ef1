"""The server: on 127.0.0.1 alone, behind a random token, until Ctrl-C."""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from invsound import InvsoundError, UsageError

from .app import Studio

GRACE = 2
"""Seconds that answers under way have at the end."""


def serve(port: int, browser: bool, jobs: int, runs: list[Path]) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises UsageError for a run that is none, InvsoundError where the port is taken."""
    for run in runs:
        if not (run / "config.yaml").is_file():
            raise UsageError(f"{str(run)!r} is no run folder: it has no config.yaml. Give the folder that `invsound run` wrote.")
    token = secrets.token_urlsafe(24)
    with _bound(port) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/?token={token}"
        studio = Studio(token, jobs, {str(run): str(run.resolve()) for run in runs})
        server = Server(uvicorn.Config(studio.app, log_level="warning", lifespan="on", timeout_graceful_shutdown=GRACE, ws="none"))
        server.studio, server.address, server.browser = studio, address, browser
        server.run(sockets=[listener])


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise InvsoundError(f"Port {port} of 127.0.0.1 cannot be had ({error.strerror}). Give another --port, or none.") from error
    return listener


class Server(uvicorn.Server):
    """uvicorn, which says where it is, and ends in order, with exit code 0, when it is asked to."""

    studio: Studio
    address: str
    browser: bool

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"The studio is at {self.address}\nCtrl-C ends it.", file=sys.stderr, flush=True)
            if self.browser:
                webbrowser.open(self.address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.studio.close()  # so that nobody waits for an answer
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        wakeup, numbers = signal.set_wakeup_fd(-1), (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._asked) for number in numbers if signal.getsignal(number) != signal.SIG_IGN}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)

    def _asked(self, number: int, frame: Any) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
