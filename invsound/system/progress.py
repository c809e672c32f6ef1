"""Progress on stderr: bars with the time left on a terminal, plain log lines otherwise. Results go to stdout, never here."""

from __future__ import annotations

import logging
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import printable

if TYPE_CHECKING:
    from rich.progress import Progress


def _plain(record: logging.LogRecord) -> bool:
    """A message with nothing in it that a terminal would obey, whoever shows it."""
    record.msg, record.args = printable(record.getMessage()), None
    return True


log = logging.getLogger("invsound")
"""What a run says on its way; the command line shows it on stderr, a script too, unless it has configured logging itself."""
log.addFilter(_plain)


@contextmanager
def shown(quiet: bool = False) -> Iterator[None]:
    """What is logged inside the block is shown on stderr, bars included; warnings alone if `quiet`.

    Where somebody has configured logging, it goes there, and at that level, instead.
    """
    level, handler = log.level, None
    if not log.hasHandlers():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
    if quiet or handler:
        log.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
        if handler:
            log.removeHandler(handler)


def watched() -> bool:
    """Whether stderr is a terminal that somebody looks at: no log of a CI, nothing dumb, and no pipe that FORCE_COLOR calls a terminal."""
    said = os.environ.get("TERM") in ("dumb", "unknown") or os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
    return sys.stderr is not None and sys.stderr.isatty() and not said


@contextmanager
def bar(description: str, total: int, unit: str = "") -> Iterator[Callable[[int], None]]:
    """A progress bar with ETA; yields `advance(steps)`. Shown on a terminal only, and only if somebody listens to the log."""
    with _bars(unit) as progress:
        task = progress.add_task(description, total=total, left=None)
        yield lambda steps: progress.advance(task, steps)


@contextmanager
def gauge(description: str, total: float | None, unit: str) -> Iterator[Callable[[float], None]]:
    """A bar of what is used up of `total`, or of an unknown one; yields `show(used)`."""
    with _bars(unit) as progress:
        task = progress.add_task(description, total=None if total is None else round(total), left=None)
        yield lambda used: progress.update(task, completed=int(used if total is None else min(used, total)))


@contextmanager
def stages(totals: Mapping[str, int], unit: str, workers: int) -> Iterator[Callable[[str, int, float], None]]:
    """A bar for each stage that some work goes through, by `workers` at once; yields `advance(stage, steps, seconds)`.

    Seconds are what a worker took for so many steps: what is left is told of each stage by its own pace, from its first step on.
    """
    paces: dict[str, list[float]] = {stage: [] for stage in totals}
    with _bars(unit) as progress:
        count = len(totals)
        names = {stage: f"{stage} ({k} of {count})" if count > 1 else stage for k, stage in enumerate(totals, 1)}
        tasks = {stage: progress.add_task(names[stage], total=total, left="") for stage, total in totals.items()}

        def advance(stage: str, steps: int, seconds: float) -> None:
            paces[stage].append(seconds / steps)
            done = progress.tasks[progress.task_ids.index(tasks[stage])].completed + steps
            left = (totals[stage] - done) * statistics.median(paces[stage][-64:]) / workers
            progress.update(tasks[stage], advance=steps, left=_clock(left))

        yield advance


def _clock(seconds: float) -> str:
    """`0:07:48`."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


@contextmanager
def _bars(unit: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.text import Text

    class Left(TimeRemainingColumn):
        """As somebody has measured it, or by the pace of the bar."""

        def render(self, task: Task) -> Text:
            left = task.fields["left"]
            return super().render(task) if left is None else Text(left or "-:--:--", "progress.remaining")

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit),
        TimeElapsedColumn(), TextColumn("left"), Left(),
    )  # fmt: skip
    seen = (console.is_jupyter and find_spec("ipywidgets") is not None) or (console.is_terminal and watched())
    with Progress(*columns, console=console, disable=not (seen and log.isEnabledFor(logging.INFO))) as progress:
        yield progress
