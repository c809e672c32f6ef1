"""Processes that a stranger's code may end or block: each is a fork of one that has imported torch, and nothing of a stranger's.

A process of its own for every worker would import torch anew, seconds each; a fork of this process would have its threads and locks.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any, NoReturn

BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[2]); from invsound.outside.nursery import serve; serve(int(sys.argv[1]))"
PRELOADED = ("torch", "omegaconf", "invsound.renderer") if sys.platform == "linux" else ()  # elsewhere, torch does not survive a fork
SINGLE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A thread for each process, and none in the one that forks."""

PATIENCE = 5.0
"""Seconds for a process to be gone that has closed its connection."""

_lock = threading.Lock()
_nursery: Nursery | None = None
inside = False
"""Whether this process is one of those that are started here."""


class Ended(Exception):
    """A process is no more; the message says how it ended."""


class Child:
    """A process in which `target` ("module:function") is called with its end of a connection and `arguments`, which are JSON-ready.

    It ends when this object is closed or collected, and when this process ends, however it does.
    """

    def __init__(self, target: str, *arguments: Any) -> None:
        ours, theirs = socket.socketpair()
        self._status, write = os.pipe()
        self.connection = Connection(ours.detach())
        try:
            _fork(theirs.fileno(), write)
        finally:
            theirs.close()
            os.close(write)
        hello = {"path": sys.path, "folder": _folder(), "environment": dict(os.environ) | SINGLE, "target": target, "arguments": arguments}
        with contextlib.suppress(OSError):  # already ended: whoever receives is told
            self.connection.send_bytes(json.dumps(hello).encode())

    def receive(self, size: int = 2**26) -> bytes:
        """The next message, of at most `size` bytes. Raises Ended."""
        try:
            return self.connection.recv_bytes(size)
        except (EOFError, OSError):
            raise Ended(self.close()) from None

    def send(self, message: bytes) -> None:
        """Raises Ended."""
        try:
            self.connection.send_bytes(message)
        except OSError:
            raise Ended(self.close()) from None

    def close(self, kill: bool = False) -> str:
        """Let it end, or kill it, and whatever it has started; how it ended, in words."""
        if self.connection.closed:
            return "it was closed"
        self.connection.close()
        if kill:
            os.close(self._status)
            return "it was killed"
        ready = select.select([self._status], [], [], PATIENCE)[0]
        told = os.read(self._status, 16) if ready else b""
        os.close(self._status)
        return ending(int(told)) if told else "it closed its connection"

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close(kill=True)


class Nursery:
    """The process that forks, of this one."""

    def __init__(self) -> None:
        from ..system.executor import deaf

        self.owner = os.getpid()
        self._control, theirs = socket.socketpair()
        with deaf(), theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", BOOT, str(theirs.fileno()), json.dumps(sys.path)],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=_stderr(),
                env=os.environ | SINGLE,
            )  # fmt: skip
        atexit.register(self.close)

    def fork(self, *handles: int) -> None:
        """Raises OSError if it is no more."""
        socket.send_fds(self._control, [b"."], list(handles))

    def close(self) -> None:
        self._control.close()
        if self.owner == os.getpid():
            self._process.kill()  # it may still be importing; those that it has made end by themselves
            self._process.wait()


def _fork(*handles: int) -> None:
    """A new process that has these files open. The nursery of the process which this one is a fork of is not its own."""
    global _nursery
    with _lock:
        if _nursery is None or _nursery.owner != os.getpid():
            _nursery = Nursery()
        try:
            _nursery.fork(*handles)
        except OSError:  # it was killed
            _nursery.close()
            _nursery = Nursery()
            _nursery.fork(*handles)


def _stderr() -> int:
    """Where a stranger's code prints: stdout is for results."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or none
        return sys.__stderr__.fileno()  # type: ignore[union-attr]
    return subprocess.DEVNULL


def _folder() -> str | None:
    with contextlib.suppress(OSError):  # it was removed
        return os.getcwd()
    return None


def ending(code: int) -> str:
    """`exit code 3`, or the signal that ended a process."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def serve(control: int) -> NoReturn:
    """Fork at each request, until whoever asks is no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for module in PRELOADED:
        importlib.import_module(module)
    with socket.socket(fileno=control) as requests:
        while True:
            message, handles, *_ = socket.recv_fds(requests, 1, 2)
            if not message:
                os._exit(0)
            if os.fork() == 0:
                requests.close()
                _finally(_keep, *handles)
            for handle in handles:
                os.close(handle)


def _finally(function: Any, *arguments: Any) -> NoReturn:
    """A fork never returns to where it came from."""
    try:
        function(*arguments)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def _keep(data: int, status: int) -> None:
    """Fork a worker, say how it ended, and end it when nobody is left to hear that."""
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    if (pid := os.fork()) == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for handle in (wake, woken, status):
            os.close(handle)
        _finally(_work, data)
    os.close(data)
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    poll.register(status, 0)  # an error, once its other end is closed
    if any(handle == status for handle, _ in poll.poll()):
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(OSError):
        os.write(status, str(code).encode())


def _work(data: int) -> None:
    global inside
    inside = True
    os.setsid()
    connection = Connection(data)
    hello = json.loads(connection.recv_bytes())
    sys.path[:] = hello["path"]
    os.environ.clear()
    os.environ.update(hello["environment"])
    if hello["folder"]:
        os.chdir(hello["folder"])
    importlib.invalidate_caches()
    module, _, name = hello["target"].partition(":")
    getattr(importlib.import_module(module), name)(connection, *hello["arguments"])
    os._exit(0)  # threads that a stranger has started would keep it
