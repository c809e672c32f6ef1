"""Progress on stderr: bars on a terminal and in a notebook, plain log lines otherwise. Results go to stdout."""

from __future__ import annotations

import importlib
import logging
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from ..errors import printable

if TYPE_CHECKING:
    from rich.progress import Progress, Task


def _plain(record: logging.LogRecord) -> bool:
    """A message with nothing in it that a terminal would obey, whoever shows it."""
    record.msg, record.args = printable(record.getMessage()), None
    return True


log = logging.getLogger("invsound")
"""What a run says on its way; the command line shows it on stderr, a script too, unless it has configured logging itself."""
log.addFilter(_plain)


@contextmanager
def shown(quiet: bool = False) -> Iterator[None]:
    """What is logged inside the block is shown on stderr, in a notebook as its output, bars included; warnings alone if `quiet`.

    Where somebody has configured logging, it goes there, and at that level, instead.
    """
    level, handler = log.level, None
    if not log.hasHandlers():
        handler = logging.StreamHandler(sys.stdout if notebook() else sys.stderr)
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


def notebook() -> bool:
    """Whether this is a kernel, whose output is a page."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def bar(description: str, total: int, unit: str = "") -> Iterator[Callable[[int], None]]:
    """A progress bar with ETA; yields `advance(steps)`. Shown on a terminal and in a notebook, and only if somebody listens to the log."""
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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
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
    heard = log.isEnabledFor(logging.INFO)
    if heard and notebook():
        with _cell(unit) as progress:
            yield progress
        return
    seen = console.is_terminal and not console.is_jupyter and watched()
    with Progress(*columns, console=console, disable=not (seen and heard)) as progress:
        yield progress


@contextmanager
def _cell(unit: str) -> Iterator[Progress]:
    """Bars as HTML in the output of a notebook's cell, drawn where they move; the last state stays."""
    from rich.progress import Progress

    cell: Any = importlib.import_module("IPython.display")

    class Cell(Progress):
        drawn, handle = 0.0, None

        def advance(self, task_id: Any, advance: float = 1) -> None:
            super().advance(task_id, advance)
            self.draw()

        def update(self, task_id: Any, **fields: Any) -> None:
            super().update(task_id, **fields)
            self.draw()

        def draw(self, wait: float = 0.2) -> None:
            if (now := time.monotonic()) - self.drawn < wait:
                return
            self.drawn, page = now, cell.HTML("".join(_drawn(task, unit) for task in self.tasks))
            if self.handle is None:
                self.handle = cell.display(page, display_id=True)
            else:
                self.handle.update(page)

    with Cell(disable=True) as progress:
        try:
            yield progress
        finally:
            progress.draw(wait=0)


def _drawn(task: Task, unit: str) -> str:
    """One bar."""
    share = "" if task.total is None else f' max="{task.total:g}" value="{task.completed:g}"'
    told = f"{task.completed:g}{'' if task.total is None else f'/{task.total:g}'} {unit}, {_clock(task.elapsed or 0)}"
    seconds = task.time_remaining if task.fields["left"] is None else None
    left = task.fields["left"] or ("" if seconds is None else _clock(seconds))
    told += f", left {left}" if left and not task.finished else ""
    return f"<div>{escape(task.description)} <progress{share}></progress> {escape(told)}</div>"
