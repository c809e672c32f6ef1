"""A function of strangers' code, called in a process of its own, which it may end, block or flood."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from ..errors import InvsoundError
from ..outside.nursery import ending
from ..system.executor import deaf

PATIENCE = 300.0
"""Seconds for a process to start: it may import torch for the first time."""

PRELOADED = ("torch._dynamo",)
"""What torch imports for its first optimizer, seconds: once, and not in each process."""

METHOD = "forkserver" if sys.platform == "linux" else "spawn"  # elsewhere, what torch has loaded does not survive a fork


class Lost(InvsoundError):
    """The process did not answer; the message says how it ended."""


def isolated(function: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
    """`function(*arguments)`, which is JSON-ready, in a process of its own, whose streams are silent. Raises Lost without an answer."""
    context: Any = multiprocessing.get_context(METHOD)
    if METHOD == "forkserver":
        context.set_forkserver_preload([f"{__package__}.examine", *PRELOADED])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, seconds, dict(os.environ), function, arguments))
    with deaf():
        process.start()
    sender.close()
    try:
        return _heard(receiver, seconds)
    except EOFError:
        process.join()
        raise Lost(f"ended the process ({ending(process.exitcode)})") from None
    finally:
        _kill(process)
        receiver.close()


def _heard(receiver: Connection, seconds: float) -> Any:
    for patience in (PATIENCE, seconds):
        if not receiver.poll(patience):
            raise Lost(f"took more than {patience:g} s")
        answer = receiver.recv_bytes()
    return json.loads(answer)


def _kill(process: Any) -> None:
    """The process and whatever it has started."""
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _answer(sender: Connection, seconds: float, environment: dict[str, str], function: Callable[..., Any], arguments: Any) -> None:
    with contextlib.suppress(OSError, AttributeError):
        os.setsid()
        signal.alarm(int(seconds) + 60)  # should the one who asked be gone
    os.environ.clear()
    os.environ.update(environment)
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    _limit_memory()
    sender.send_bytes(b"ready")
    sender.send_bytes(json.dumps(function(*arguments)).encode())
    os._exit(0)  # threads that a stranger has started would keep it


def _limit_memory() -> None:
    """Half of the machine's: who wants more is told so, before the system ends some process to make room."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (half if hard == resource.RLIM_INFINITY else min(half, hard), hard))
