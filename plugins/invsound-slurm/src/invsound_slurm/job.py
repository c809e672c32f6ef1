"""What a job does, in its own process. Importing it loads no torch."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def compute(function: Callable[..., Any], arguments: Sequence[Any], keywords: Mapping[str, Any]) -> tuple[bool, Any]:
    """(True, what the function returns) or (False, what it raises).

    A signal, at the time limit or a preemption, ends the process as it would without submitit: the task is asked for again.
    """
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    try:
        return True, function(*arguments, **keywords)
    except Exception as error:
        return False, error
