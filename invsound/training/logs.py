"""What the loggers of a run are told."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import InvsoundError, remedy
from ..hooks.culprit import answer
from ..logger import Logger
from ..runs.parts import Parts
from ..system.files import ROOM

FOLDER = "log"
"""In the folder of a run, with a folder for each of its loggers."""
Record = dict[str, Any]
Log = Callable[[Sequence[Record]], AbstractContextManager[Callable[[Record], None]]]
"""Of the epochs so far, what tells of another."""


def of(parts: Parts, path: Path) -> Log:
    """The loggers of the run in the folder `path`."""
    return partial(told, parts.loggers(path / FOLDER), parts.config.as_dict())


@contextmanager
def nobody(metrics: Sequence[Record]) -> Iterator[Callable[[Record], None]]:
    """No logger."""
    yield lambda record: None


@contextmanager
def told(loggers: Sequence[Logger], config: Mapping[str, Any], metrics: Sequence[Record]) -> Iterator[Callable[[Record], None]]:
    """Loggers that know of the epochs so far; yields what tells them of another. Raises InvsoundError naming one that fails.

    Each has its folder to itself, emptied of what a run before has logged: it is told all of it again.
    """
    begun: list[Logger] = []

    def tell(record: Record) -> None:
        for logger in begun:
            _ask(logger, logger.log, record["epoch"], values(record))

    try:
        for logger in loggers:
            _empty(logger.folder)
            begun.append(logger)
            _ask(logger, logger.begin, config)
        for record in metrics:
            tell(record)
        yield tell
    except BaseException:
        for logger in begun:
            with suppress(Exception):  # what has ended the training is what is told
                logger.close()
        raise
    for logger in begun:
        _ask(logger, logger.close)


def _ask(logger: Logger, function: Callable[..., None], *arguments: Any) -> None:
    try:
        answer(logger, function, *arguments)
    except InvsoundError as error:
        run = logger.folder.parents[1]
        raise InvsoundError(f"{error} Every epoch so far is kept; to go on: invsound run --resume {run}") from error


def _empty(folder: Path) -> None:
    try:
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    except OSError as error:
        raise InvsoundError(f"Cannot write {str(folder)!r}: {error.strerror or error}. {remedy(error, ROOM)}") from error


def values(record: Record) -> dict[str, float]:
    """The numbers of a line of metrics.jsonl, flat: those of a list are `name/1`, `name/2`, …"""
    found: dict[str, float] = {}
    for name, value in {**record, **(record.get("monitor") or {})}.items():
        if isinstance(value, list):
            found |= {f"{name}/{k}": float(item) for k, item in enumerate(value, 1)}
        elif isinstance(value, (int, float)) and name != "epoch":
            found[name] = float(value)
    return found
