"""Progress on stderr: bars with the time left on a terminal, plain log lines otherwise. Results go to stdout, never here."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import printable


def _plain(record: logging.LogRecord) -> bool:
    """A message with nothing in it that a terminal would obey, whoever shows it."""
    record.msg, record.args = printable(record.getMessage()), None
    return True


log = logging.getLogger("invsound")
"""What a run says on its way; the command line shows it on stderr, a library user configures it as any logger."""
log.addFilter(_plain)


def watched() -> bool:
    """Whether stderr is a terminal that somebody looks at: no log of a CI, nothing dumb, and no pipe that FORCE_COLOR calls a terminal."""
    said = os.environ.get("TERM") in ("dumb", "unknown") or os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
    return sys.stderr is not None and sys.stderr.isatty() and not said


@contextmanager
def bar(description: str, total: int, unit: str = "") -> Iterator[Callable[[int], None]]:
    """A progress bar with ETA; yields `advance(steps)`. Shown on a terminal only, and only if somebody listens to the log."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    shown = console.is_terminal and watched() and log.isEnabledFor(logging.INFO)
    with Progress(*columns, console=console, disable=not shown) as progress:
        task = progress.add_task(description, total=total)
        yield lambda steps: progress.advance(task, steps)
