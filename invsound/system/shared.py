"""What a process has one of, used by one thread at a time: torch's generators, forward-mode levels, thread count and default dtype."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch

from .progress import log

_run, generators, forward_mode = threading.RLock(), threading.RLock(), threading.RLock()
"""Taken in this order: a run draws weights, and a draw may differentiate."""


UNGUARDED = 79
"""Exit code of a worker process that would have begun the work which it was started for."""


def check_main_guard() -> None:
    """End a worker process that is only just importing the script which started it: without a main guard that begins everything anew."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__mp_main__":
            raise SystemExit(UNGUARDED)
        frame = frame.f_back


@contextmanager
def alone() -> Iterator[None]:
    """Whole runs and matches one after the other, in whatever threads, and in torch's own default dtype: each finds what it finds alone."""
    check_main_guard()
    if not _run.acquire(blocking=False):
        log.info("Another run in this process is waited for.")
        _run.acquire()
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        _run.release()
