"""The record of a run: its files read through one door, of the expected shape, as plain values. Damage says what writes a file anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ..errors import InvsoundError
from ..system import progress, reading
from ..system.reading import Damaged, anything, count, number, real, text

T = TypeVar("T")

AVERAGES = {"macro": number, ...: number}
WRONG = "share wrong"
"""The unit of a choice's error."""


def _value(value: Any) -> bool:
    """a number or a text"""
    return text(value) or number(value)


TARGET = {"file?": text, "name": text, "notes?": [text], "parameters?": {...: _value}, "scores?": {...: number}}
BESIDE = {"training_mean?": {...: number}, "random?": {...: number}, "said?": text}
"""What stands beside the scores of a recording; runs of invsound 0.1 have none of it."""
SCORES = {
    "scores?": {...: {...: AVERAGES}},
    "parameters?": {...: {"unit?": text, "trained?": number, "untrained?": number, "training_mean?": number, "chance?": number}},
    "targets?": [TARGET | BESIDE],
    "sound_count?": count,
    "seconds?": {...: number},
}
COMPARED = SCORES | {"scores": {...: {"trained": AVERAGES, ...: AVERAGES}}, "parameters": {...: {"unit": text, "trained": number}}}
"""What a comparison needs of scores.json."""
ESTIMATES = ("trained", "untrained", "training_mean")
WHOLE = {
    "scores": {...: dict.fromkeys(ESTIMATES, AVERAGES)},
    "parameters": {...: {"unit": text, **dict.fromkeys(ESTIMATES, number)}},
    "targets": [{key.removesuffix("?"): shape for key, shape in TARGET.items()}],
    "sound_count": count,
}
"""What an evaluation writes to it."""


def _reals(value: Any) -> bool:
    """a number or a list of numbers"""
    return all(map(real, value)) if isinstance(value, list) else real(value)


EPOCH = {
    "epoch": count, "val_loss?": real, "train_loss?": real, "lr?": real, "seconds?": number, "steps?": count, "handed_over?": real,
    "phase?": text, "monitor?": {...: _reals},
}  # fmt: skip
PARAMETER = {"name": text, "unit": text, "low": number, "high": number, "scale": text, "doc?": text, "options?": [text]}
EVALUATE = "Score the run anew by: invsound evaluate"
RESUME = "It is written anew by: invsound run --resume"


def scores(run: Path, shape: reading.Shape = SCORES) -> dict[str, Any]:
    """scores.json."""
    found: dict[str, Any] = _or_say(EVALUATE, run, lambda: reading.read_json(run / "scores.json", shape))
    return found


def seconds(run: Path) -> dict[str, float]:
    """seconds.json."""
    found: dict[str, float] = _or_say(EVALUATE, run, lambda: reading.read_json(run / "seconds.json", {...: number}))
    return found


def epochs(run: Path) -> list[dict[str, Any]]:
    """metrics.jsonl, but for a last line that a killed run left unfinished."""
    return _or_say(RESUME, run, lambda: reading.read_lines(run / "metrics.jsonl", EPOCH))


def environment(run: Path) -> dict[str, Any]:
    """environment.json."""
    found: dict[str, Any] = _or_say(RESUME, run, lambda: reading.read_json(run / "environment.json", {...: anything}))
    return found


def space(run: Path) -> list[dict[str, Any]]:
    """space.json."""

    def read() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = reading.read_json(run / "space.json", [PARAMETER])
        for p in found:
            scales = ("log", "linear", *["choice"] * ("options" in p))
            if p["scale"] not in scales or not p["low"] < p["high"] or (p["scale"] == "log" and p["low"] <= 0):
                raise Damaged(run / "space.json", f"{p['name']!r} has no {p['scale']!r} scale from {p['low']} to {p['high']}")
        return found

    return _or_say(EVALUATE, run, read)


def eigenvalues(run: Path) -> list[list[float]]:
    """spectrum.json."""

    def read() -> list[list[float]]:
        found: list[list[float]] = reading.read_json(run / "spectrum.json", {"eigenvalues": [[number]]})["eigenvalues"]
        if len({len(row) for row in found}) > 1:
            raise Damaged(run / "spectrum.json", "its rows are not of one length")
        return found

    return _or_say(EVALUATE, run, read)


def predictions(run: Path) -> dict[str, list[str]]:
    """The columns of predictions.csv, as they are written."""
    return _or_say(EVALUATE, run, lambda: reading.read_table(run / "predictions.csv"))


def distances(run: Path) -> dict[str, list[float]]:
    """The columns of distances.csv."""
    return numbers(run, "distances.csv", _or_say(EVALUATE, run, lambda: reading.read_table(run / "distances.csv")))


def numbers(run: Path, name: str, columns: dict[str, list[str]]) -> dict[str, list[float]]:
    """Columns of a table as numbers."""
    return _or_say(EVALUATE, run, lambda: reading.read_numbers(run / name, columns))


def is_whole(run: Path, trained: bool) -> bool:
    """Whether a finished run lacks nothing that going on with it would write; one that was not trained has no epochs."""
    try:
        rows = scores(run, WHOLE)["scores"].values()
        for read in (seconds, environment, space, predictions, distances, *([epochs] if trained else [])):
            read(run)
        return (run / "report.html").is_file() and all(row[e].keys() == row["trained"].keys() for row in rows for e in ESTIMATES)
    except InvsoundError:
        return False


def or_left_out(read: Callable[[Path], T], run: Path, name: str, nothing: Callable[[], Any]) -> T:
    """What `read` finds; where there is no such file nothing, and where there is a damaged one neither, with a warning."""
    try:
        return read(run) if os.path.lexists(run / name) else nothing()
    except InvsoundError as error:
        progress.log.warning("%s Until then it is left out.", error)
        return nothing()  # type: ignore[no-any-return]


def _or_say(remedy: str, run: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except Damaged as error:
        raise InvsoundError(f"{error} {remedy} {run}") from error
