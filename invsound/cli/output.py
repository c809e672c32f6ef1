"""Standard output is for results alone, and shows them as they are: uncut, in any encoding, with nothing that a terminal would obey."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import printable, visible

if TYPE_CHECKING:
    from rich.table import Table

WIDEST = 10_000
_results: list[TextIO] = []


@contextmanager
def results_alone() -> Iterator[None]:
    """Inside the block, what plugins, C libraries and worker processes print on stdout goes to stderr; what is said here, to stdout."""
    if _results or sys.stdout is None:
        yield
        return
    with _apart(sys.stdout) as stream, contextlib.redirect_stdout(sys.stderr):
        _results.append(stream)
        try:
            yield
        finally:
            _results.clear()


@contextmanager
def _apart(stdout: TextIO) -> Iterator[TextIO]:
    """A stream of its own to where stdout goes, while file descriptor 1 goes where stderr does; stdout itself if it is another's."""
    if _descriptor(stdout) != 1:
        yield stdout
        return
    stdout.flush()
    with open(os.dup(1), "w", encoding=stdout.encoding, errors="backslashreplace") as stream:
        os.dup2(2 if _descriptor(sys.stderr) == 2 else os.open(os.devnull, os.O_WRONLY), 1)
        try:
            yield stream
        finally:
            os.dup2(stream.fileno(), 1)


def _descriptor(stream: Any) -> int | None:
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, ValueError):  # none, closed, or no file of the system's
        return None


def prepare_streams() -> None:
    """What a stream's encoding lacks is written as `\\u03a6`, help included: no text is worth a traceback; what is closed is nowhere."""
    while (unused := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(unused)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _stdout() -> TextIO | None:
    return _results[0] if _results else sys.stdout


def say(text: str = "") -> None:
    """Lines of results."""
    print(printable(text), file=_stdout(), flush=True)


def print_json(value: Any) -> None:
    """A result as JSON: characters that a terminal would obey, or that the encoding lacks, are escaped as JSON does it."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    encoding = getattr(_stdout(), "encoding", None) or "utf-8"
    print("".join(char if _plain(char, encoding) else _escaped(char) for char in text), file=_stdout(), flush=True)


def _plain(char: str, encoding: str) -> bool:
    if char.isascii():
        return char.isprintable() or char == "\n"
    with contextlib.suppress(UnicodeEncodeError):
        return char.isprintable() and bool(char.encode(encoding))
    return False


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[k]:02x}{units[k + 1]:02x}" for k in range(0, len(units), 2))


def quantity(value: float | str, unit: str, spread: float | None = None) -> str:
    """`431.2 ± 0.1 rad/s (68.63 Hz)`; an option's name is itself."""
    from ..pages.page import hertz

    if isinstance(value, str):
        return value
    error, pitch = "" if spread is None else f" ± {spread:.2g}", hertz(value, unit)
    return f"{value:.6g}{error} {unit}".rstrip() + ("" if pitch is None else f" ({pitch:.4g} Hz)")


def cell(text: str) -> str:
    """A text as it is for a table, in which it would be markup otherwise."""
    from rich.markup import escape

    return escape(visible(text))


def show(table: Table) -> None:
    """A table that cuts no word and no number: as wide as the terminal or COLUMNS, where that is enough; as it likes in a pipe."""
    from rich.console import Console

    stream = _stdout()
    console = Console(file=stream)
    wide = console.options.update(width=WIDEST)
    for column in table.columns:
        words = (console.measure(word, options=wide).minimum for word in (column.header, *column.cells))
        column.min_width, column.overflow = max(words), "fold"
    needs, watched = console.measure(table, options=wide), "COLUMNS" in os.environ or (stream is not None and stream.isatty())
    console.width = max(console.width, needs.minimum) if watched else needs.maximum
    console.print(table)
