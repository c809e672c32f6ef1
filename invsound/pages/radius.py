"""radius.html: how far the linear model of a problem reaches, parameter by parameter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..system.files import write_json
from .charts import Axes, Scale, number
from .figures import Figure
from .page import write_page

LIMIT = 0.5
"""The error from which on the linear model says more wrong than right."""


def told(radius: float | None, steps: Sequence[float], still: bool = False) -> str:
    """A radius in words: `0.0046`, its bound where the grid ends, or that there is no derivative at all."""
    if still:
        return "no derivative"
    if radius is None:
        return f"< {number(steps[0], 2)}"
    return f"≥ {number(radius, 2)}" if radius == steps[-1] else number(radius, 2)


def write(found: dict[str, Any], out: Path) -> Path:
    """Write radius.json and radius.html into `out` and return the page."""
    write_json(out / "radius.json", found)
    return write_page(out / "radius.html", "radius.html", **content(found))


def content(found: dict[str, Any]) -> dict[str, Any]:
    """What a page tells of it."""
    shown = [number(step, 1) for step in found["steps"][::3]]
    return {"found": found, "reached": reached(found), "shown": shown, "figure": figure(found)}


def reached(found: dict[str, Any]) -> dict[str, str]:
    """The radius of each parameter in words."""
    return {name: told(value, found["steps"], found["unmoved"][name] == found["sounds"]) for name, value in found["radius"].items()}


def figure(found: dict[str, Any]) -> Figure:
    """Error over |δ|, one curve per parameter, both axes logarithmic, and a dotted line at 50 %."""
    values = [max(error, 1e-6) for curve in found["errors"].values() for error in curve]
    x, y = Scale.of(found["steps"], "|δν|", log=True), Scale.of([*values, LIMIT], "relative error of Jδ", True, margin=0.04)
    axes = Axes(x, y, right=76)
    axes.line([x.low, x.high], [LIMIT, LIMIT], "identity")
    for k, curve in enumerate(found["errors"].values()):
        axes.line(found["steps"], [max(error, 1e-6) for error in curve], f"s{k}")
    axes.names({name: (x.high, max(curve[-1], 1e-6)) for name, curve in found["errors"].items()})
    radii = ", ".join(f"{name} {value}" for name, value in reached(found).items())
    caption = f"Relative error of Jδ against Φ(ν + δ) − Φ(ν), the median over {found['sounds']} sounds. Below 50 % up to |δν|: {radii}."
    return Figure(axes.svg(caption), caption)
