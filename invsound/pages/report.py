"""report.html: a run, read from its folder and told on one page."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError
from ..hooks.objects import short
from ..system import reading
from . import learning, record
from .figures import curves, scatters, spectrum
from .page import Pair, Sound, read_sounds, write_page

EXAMPLES = 12  # test sounds in the report, at most
SYSTEMS = {"trained": "trained encoder", "untrained": "untrained encoder", "training_mean": "training mean"}
BESIDE = {"training_mean": SYSTEMS["training_mean"], "random": "random sound"}
"""What stands beside the scores of a recording, where the run is not one of invsound 0.1."""


def write_report(run: str | Path) -> Path:
    """Write `report.html` into the folder of a run, from its other files; what is missing there is left out.

    Raises UsageError if there is no such folder, InvsoundError if one of its files is damaged.
    """
    run = Path(run)
    if not run.is_dir():
        raise UsageError(f"No run folder {str(run)!r}. Give the folder that `invsound run` wrote.")
    scores = record.scores(run) if os.path.lexists(run / "scores.json") else {}
    space = record.or_left_out(record.space, run, "space.json", list)
    epochs = record.or_left_out(record.epochs, run, "metrics.jsonl", list)
    options = {p["name"] for p in space if "options" in p}
    predictions = record.or_left_out(lambda run: _predictions(run, options), run, "predictions.csv", dict)
    targets, config = [target for target in scores.get("targets", []) if _is_name(target["name"])], _config(run / "config.yaml")
    return write_page(
        run / "report.html",
        "report.html",
        parts={kind: short(str(name)) for kind, name in config.get("parts", {}).items()},
        **tables(scores),
        sound_count=scores.get("sound_count", 0),
        seconds=scores.get("seconds") or record.or_left_out(record.seconds, run, "seconds.json", dict),
        recordings=[_recording(run, target, space) for target in targets],
        examples=_examples(run, {target["name"] for target in targets}, space, predictions),
        curves=curves(epochs),
        learned=learning.told(epochs, config.get("train", {}).get("keep", "best")),
        space=space,
        scatters=scatters(space, predictions),
        spectrum=spectrum(record.or_left_out(record.eigenvalues, run, "spectrum.json", list)),
        config=config and reading.read_text(run / "config.yaml"),
        environment=_flat(record.or_left_out(record.environment, run, "environment.json", dict)),
    )


def tables(scores: dict[str, Any]) -> dict[str, Any]:
    """What a page tells of scores.json in tables."""
    errors = scores.get("parameters", {})
    return {
        "systems": SYSTEMS,
        "scores": scores.get("scores", {}),
        "score_rows": _score_rows(scores.get("scores", {})),
        "error_rows": [(name, row.get("unit", ""), _systems(row)) for name, row in errors.items()],
        "chances": {name: row["chance"] for name, row in errors.items() if "chance" in row},
    }


def first_sounds(run: Path, scores: dict[str, Any], count: int = 2) -> list[Pair]:
    """The first recordings of a run that can be played, or else test sounds."""
    targets = [target for target in scores.get("targets", []) if _is_name(target["name"])]
    pairs = [_recording(run, target, []) for target in targets[:count]] or _examples(run, set(), [], {})[:count]
    return [pair for pair in pairs if pair.sounds]


def _config(path: Path) -> dict[str, Any]:
    """The resolved options; none where there is no file."""
    if not os.path.lexists(path):
        return {}
    config = reading.read_yaml(path)
    if wrong := reading.fault(config, {"parts?": {...: reading.anything}, "train?": {"keep?": reading.text}}):
        raise reading.Damaged(path, wrong)
    return config


def _predictions(run: Path, choices: set[str]) -> dict[str, np.ndarray]:
    """The columns `true_…` and `predicted_…`, numbers or, of choices, names of options."""
    told = {name: texts for name, texts in record.predictions(run).items() if name.startswith(("true_", "predicted_"))}
    named = {name: texts for name, texts in told.items() if name.partition("_")[2] in choices}
    numbers = record.numbers(run, "predictions.csv", {name: texts for name, texts in told.items() if name not in named})
    return {name: np.array(values) for name, values in (numbers | named).items() if values}


def _is_name(name: str) -> bool:
    """Whether the sounds of a recording of that name are in the folder `audio`, and nowhere else."""
    return Path(name).name == name and "\0" not in name


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as rows: `plugins / distribution`, version."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        rows += _flat(value, f"{prefix}{key} / ") if isinstance(value, dict) else [(prefix + key, str(value))]
    return rows


def _systems(row: dict[str, Any]) -> dict[str, float]:
    return {system: row[system] for system in SYSTEMS if system in row}


def _score_rows(scores: dict[str, Any]) -> list[tuple[str, str, dict[str, float]]]:
    """One row for each score and average: heading, unit (none), and the value of each system that has it."""
    rows = []
    for name, systems in scores.items():
        averages = dict.fromkeys(average for values in systems.values() for average in values)
        rows += [(f"{name}, {a}", "", _systems({s: v[a] for s, v in systems.items() if a in v})) for a in averages]
    return rows


def _recording(run: Path, target: dict[str, Any], space: list[dict[str, Any]]) -> Pair:
    found = target.get("parameters", {})
    parameters = [(p["name"], p["unit"], {"estimated": found[p["name"]]}) for p in space if p["name"] in found]
    title = Path(target.get("file") or target["name"]).name
    beside = {title: target[key] for key, title in BESIDE.items() if key in target}
    notes, scores, said = target.get("notes", []), target.get("scores", {}), target.get("said", "")
    return Pair(title, _pair(run, target["name"]), notes, scores, parameters, beside, said)


def _examples(run: Path, recordings: set[str], space: list[dict[str, Any]], predictions: dict[str, np.ndarray]) -> list[Pair]:
    """The first test sounds: `audio/test-07-target.wav` is row 7 of the predictions."""
    found = sorted(
        (int(m[1]), m[0][: -len("-target.wav")]) for p in run.glob("audio/*") if (m := re.fullmatch(r"test-(\d+)-target\.wav", p.name))
    )
    shown = [(row, name) for row, name in found if name not in recordings][:EXAMPLES]
    return [Pair(name.replace("-", " "), _pair(run, name), parameters=_row(space, predictions, row)) for row, name in shown]


def _row(space: list[dict[str, Any]], predictions: dict[str, np.ndarray], row: int) -> list[tuple[str, str, dict[str, float | str]]]:
    """name, unit, and the true and the estimated value of each parameter, in one row of the predictions."""
    columns = [(p, predictions.get(f"true_{p['name']}", ()), predictions.get(f"predicted_{p['name']}", ())) for p in space]
    return [(p["name"], p["unit"], {"true": t[row], "estimated": e[row]}) for p, t, e in columns if row < min(len(t), len(e))]


def _pair(run: Path, name: str) -> list[Sound]:
    return read_sounds(name, **{role: run / "audio" / f"{name}-{role}.wav" for role in ("target", "reconstruction")})
