"""match.html, one sound, and matches.html, many: what was recorded, what was found, and how sure one may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .charts import Axes, Scale
from .figures import Figure
from .page import Pair, read_sounds, write_page

PLAYERS = 24  # sounds that matches.html plays; every sound's own page plays it too


def write_one(folder: Path, found: dict[str, Any]) -> Path:
    """Write match.html next to match.wav and target.wav. Raises InvsoundError if the disk refuses."""
    pair, curve = _pair(folder, found), _curve(found)
    return write_page(folder / "match.html", "match.html", found=found, pair=pair, rows=rows(found), curve=curve, choices=choices(found))


def write_many(out: Path, results: list[dict[str, Any]]) -> Path:
    """Write matches.html into the folder that holds the folders of the matches."""
    found = [result for result in results if "error" not in result]
    return write_page(
        out / "matches.html",
        "matches.html",
        found=found,
        failed=[result for result in results if "error" in result],
        links=[f"{Path(result['folder']).name}/match.html" for result in found],
        pairs=[_pair(Path(result["folder"]), result) for result in found[:PLAYERS]],
    )


def _pair(folder: Path, found: dict[str, Any]) -> Pair:
    sounds = read_sounds(found["name"], target=folder / "target.wav", reconstruction=folder / "match.wav")
    return Pair(found["name"], sounds, found["notes"], {found["feature"]: found["distance"]})


def rows(found: dict[str, Any]) -> list[tuple[dict[str, Any], float, float | None, str]]:
    """The parameter, its value, standard error, and what is to be said of it."""
    return [(p, found["parameters"][p["name"]], found["standard_errors"][p["name"]], _said(found, p["name"])) for p in found["space"]]


def choices(found: dict[str, Any]) -> bool:
    """Whether any of its parameters is a choice."""
    return any("options" in p for p in found["space"])


def _said(found: dict[str, Any], name: str) -> str:
    if found["at_bound"].get(name):
        return "at the end of its range"
    return {True: "", False: "not determined", None: "held"}[found["determined"].get(name)]


def _curve(found: dict[str, Any]) -> Figure | None:
    """The distance of the nearest sound so far against the sounds that were computed, as steps, on log axes where nothing is zero."""
    history = [(evaluations, distance) for evaluations, distance in found["history"] if evaluations > 0]
    if len(history) < 2:
        return None
    x, y = [float(history[0][0])], [history[0][1]]
    for evaluations, distance in [*history[1:], (found["evaluations"], history[-1][1])]:
        x, y = [*x, evaluations, evaluations], [*y, y[-1], distance]
    x_axis = Scale.of(x, "sounds computed", log=True)
    axes = Axes(x_axis, Scale.of([v for v in y if v > 0], "distance", log=True, margin=0.04))
    axes.line(x, y)
    caption = (
        f"Distance of the nearest sound so far, over the sounds computed ({found['evaluations']}; a Jacobian is one or two per parameter). "
        f"Where the recording was aligned anew the curve may rise. A typical random sound is at {found['random_distance']:.3g}."
    )
    return Figure(axes.svg(caption), caption)
