"""The run folder: the whole truth of a run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..encoder import Encoder
from ..errors import InvsoundError, UsageError
from ..hooks.objects import short
from ..system import plainyaml, progress, reading
from ..system.claim import claimed, is_empty
from ..system.files import check_folder, make_folder, safe_name, write_json, write_text
from ..system.tensors import load_tensors, save_tensors
from .config import Config

T = TypeVar("T")
NAME = "name.txt"
"""Beside the folders of a configuration's seeds: what the sweep calls it."""
ENCODER = "encoder.safetensors"
"""The weights of the encoder that was kept."""


@contextmanager
def created(out: Path | str | None, config: Config) -> Iterator[Path]:
    """A new run folder with its config.yaml, this command's own inside the block.

    Raises UsageError if `out` holds a run already or is another command's, InvsoundError if it cannot be written.
    """
    with claimed(out or _next(Path("runs"), "-".join(short(config.parts[kind]) for kind in ("synth", "feature", "loss")))) as path:
        check_new(path)
        write_text(path / "config.yaml", plainyaml.dump(config.as_dict()))
        yield path


def check_new(path: Path) -> None:
    """Raise UsageError for a folder that holds a run or anything else, or that cannot be made."""
    check_folder(path)
    if (path / "config.yaml").exists():
        raise UsageError(f"{str(path)!r} holds a run already. Go on with it by --resume {path}, or choose another --out.")
    if path.exists() and not is_empty(path):
        raise UsageError(f"{str(path)!r} exists and is no run folder. Choose another --out.")


def _next(root: Path, name: str) -> Path:
    """The first folder that is not there yet, made: of commands at once, each gets its own."""
    name = safe_name(name, "-_.")
    return next(path for i in range(1, 10**6) if make_folder(path := root / f"{name}-{i:03d}"))


def existing(path: Path | str) -> Path:
    """An existing run folder. Raises UsageError if there is none."""
    if not os.path.isfile(Path(path) / "config.yaml"):
        raise UsageError(f"{str(path)!r} is no run folder: it has no config.yaml. Give the folder that `invsound run` wrote.")
    return Path(path)


class Clock:
    """Seconds spent per stage, over all the sessions that a run took; `clock(stage, work)` does the work and counts it."""

    def __init__(self, path: Path) -> None:
        self.path = path / "checkpoint" / "seconds.json"
        self.spent: dict[str, float] = self._read(self.path) or self._read(path / "seconds.json")

    @staticmethod
    def _read(path: Path) -> dict[str, float]:
        try:
            return dict(reading.read_json(path, {...: reading.number})) if os.path.lexists(path) else {}
        except reading.Damaged as error:
            progress.log.warning("%s The seconds before are not counted, or those that %s holds.", error, "seconds.json")
            return {}

    def __call__(self, stage: str, work: Callable[[], T]) -> T:
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.spent[stage] = round(self.spent.get(stage, 0.0) + time.perf_counter() - start, 3)
            write_json(self.path, self.spent)


def write_scores(path: Path, scores: dict[str, Any], seconds: dict[str, float]) -> None:
    """scores.json, a function of the config alone, and seconds.json, which is not."""
    write_json(path / "scores.json", scores)
    write_json(path / "seconds.json", seconds)


def save_encoder(path: Path, encoder: Encoder) -> None:
    """encoder.safetensors."""
    save_tensors(path / ENCODER, encoder.state_dict())


def load_encoder(path: Path, encoder: Encoder, made_of: str = "config.yaml", remedy: str = "") -> Encoder:
    """`encoder` with the weights of encoder.safetensors. Raises InvsoundError if the file is missing, damaged, or does not fit.

    `made_of` is the file that says what they are the weights of, `remedy` what to do.
    """
    file = path / ENCODER
    loaded = load_tensors(file)
    if loaded is None:
        what = "is damaged" if file.exists() else "is missing: the run has not finished"
        what = what if file.exists() or not remedy else "is missing"
        raise InvsoundError(f"{str(file)!r} {what}. {remedy or f'Train to the end with: invsound run --resume {path}'}")
    try:
        encoder.load_state_dict(loaded[0])
    except RuntimeError as error:
        raise InvsoundError(f"{str(file)!r} does not fit the encoder of {str(path / made_of)!r}: {error}") from error
    return encoder
