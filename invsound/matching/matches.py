"""Many sounds: each matched into a folder of its own, a failure told and passed over, and a table of them all."""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..audio import written
from ..errors import InvsoundError
from ..executor import workforce
from ..pages import match as match_page
from ..system import executor, progress
from ..system.files import safe_name, write_json, write_text
from ..system.shared import alone
from .match import Match
from .matcher import Matcher

TARGET = "target.wav"


@dataclass(frozen=True)
class Task:
    """One file, as a worker process receives it; `how` are synth, feature, solver, options and device, as JSON."""

    path: str
    folder: str
    how: str


@alone()
def match_files(
    paths: Sequence[Path], out: Path, synth: str | None, feature: str | None, solver: str | None, of: dict[str, Any], *,
    jobs: int = 1, by: str = "local", device: str = "cpu",
) -> list[dict[str, Any]]:  # fmt: skip
    """Match files into folders under `out`, which is the caller's; matches.csv, matches.json and matches.html are there.

    They are matched `jobs` at a time, or `by` the executor of that name, whose options are `of["executor"]`. A file that
    cannot be matched gives {"name", "error"}. Raises UsageError for a wrong part or option, before any file is read.
    """
    who = workforce(of := dict(of), jobs, by)
    how = json.dumps([synth, feature, solver, of, device])
    ready = _matcher(how)
    ready.who = who
    if ready.dictionary is None:
        progress.log.info("The representation is too large to prepare candidates: every sound computes its own.")
    tasks = [Task(str(path), str(out / name), how) for path, name in zip(paths, names(paths), strict=True)]
    with who.executor(len(tasks), ready.device) as pool, progress.bar("Matching", len(tasks), "sounds") as advance:
        results = executor.run_all(pool, match_file, tasks, lambda task, result: advance(1))
    write_json(out / "matches.json", results)
    write_text(out / "matches.csv", _csv(results))
    match_page.write_many(out, results)
    return results


@functools.lru_cache(maxsize=1)
def _matcher(how: str) -> Matcher:
    synth, feature, solver, of, device = json.loads(how)
    return Matcher(synth, feature, solver, of, device=device)


def match_file(task: Task) -> dict[str, Any]:
    """Match one file and write what was found; an error is a result like another."""
    try:
        found = _matcher(task.how)(task.path)
        write(found, Path(task.folder))
    except (InvsoundError, OSError) as error:
        progress.log.warning("%s", error)
        return {"name": Path(task.path).name, "error": str(error)}
    return {**found.as_dict(), "folder": task.folder}


def write(found: Match, folder: Path) -> Path:
    """match.json, match.wav, target.wav (the sound as it was compared) and match.html; returns the page."""
    write_json(folder / "match.json", found.as_dict())
    written.save(folder / "match.wav", found.x_hat, found.sample_rate)
    written.save(folder / TARGET, found.x, found.sample_rate)
    return match_page.write_one(folder, found.as_dict())


def folder_name(path: Path) -> str:
    """A name that every disk takes, from that of a sound."""
    return safe_name(path.stem)[:60] or "sound"


def names(paths: Sequence[Path]) -> list[str]:
    """A distinct, safe folder name for each file."""
    used: list[str] = []
    for path in paths:
        stem = folder_name(path)
        used.append(next(name for k in range(1, len(paths) + 2) if (name := stem if k == 1 else f"{stem}-{k}") not in used))
    return used


def _known(result: dict[str, Any], name: str) -> bool | str:
    return "at the end of its range" if result["at_bound"].get(name) else result["determined"].get(name, "held")


def _csv(results: list[dict[str, Any]]) -> str:
    """One row per file: its sound as it was compared, by a path from here, distances, then each parameter in its unit with its standard
    error and whether it is determined. It is a table for data.csv."""
    found = next((result for result in results if "error" not in result), None)
    units: dict[str, str] = found["units"] if found else {}
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    heads = [head for name, unit in units.items() for head in (f"{name} ({unit})" if unit else name, f"{name} ±", f"{name} determined")]
    table.writerow(["file", "sound", "distance", "random distance", "seconds", *heads, "advice"])
    for result in results:
        if "error" in result:
            table.writerow([result["name"], *[""] * (4 + len(heads)), result["error"]])
            continue
        cells = [cell for name in units for cell in (result["parameters"][name], result["standard_errors"][name], _known(result, name))]
        sound = f"{Path(result['folder']).name}/{TARGET}"
        table.writerow([result["name"], sound, result["distance"], result["random_distance"], result["seconds"], *cells, result["advice"]])
    return text.getvalue()
