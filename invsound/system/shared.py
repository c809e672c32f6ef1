"""What a process has one of, used by one thread at a time: torch's generators, forward-mode levels, thread count and default dtype."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .progress import log

_run, generators, forward_mode = threading.RLock(), threading.RLock(), threading.RLock()
"""Taken in this order: a run draws weights, and a draw may differentiate."""


@contextmanager
def alone() -> Iterator[None]:
    """Whole runs and matches one after the other, in whatever threads, and in torch's own default dtype: each finds what it finds alone."""
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
