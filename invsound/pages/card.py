"""Results as a notebook shows them: pieces of our pages in a frame of their own, without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from . import comparison, match, radius, report
from .page import Pair, environment, sounds

STYLE = "style.css"


def card(template: str, **content: Any) -> str:
    """One of the templates for notebooks; its style holds inside it alone, and every string in `content` is escaped."""
    style = environment().get_template(STYLE).render()
    for page, inside in ((":root", "&"), ("\nbody {", "\n& {"), ("\nhtml {", "\n&.none {")):
        style = style.replace(page, inside)
    return environment().get_template(template).render(style=Markup(style), **content)


def of_match(found: dict[str, Any], x: np.ndarray, x_hat: np.ndarray) -> str:
    """One sound and what was found; both can be played."""
    rate = found["sample_rate"]
    pair = Pair(found["name"], sounds(found["name"], target=(x, rate), reconstruction=(x_hat, rate)), found["notes"])
    return card("card-match.html", found=found, pair=pair, rows=match.rows(found), choices=match.choices(found))


def of_run(result: dict[str, Any]) -> str:
    """What a run found, and the first sounds of its folder, if that is there."""
    run = Path(result["folder"])
    return card("card-run.html", **report.tables(result), pairs=report.first_sounds(run, result), folder=str(run))


def of_comparison(found: dict[str, Any], columns: list[comparison.Column]) -> str:
    """Configurations by columns."""
    return card("card-comparison.html", **comparison.tables(found, columns))


def of_radius(found: dict[str, Any]) -> str:
    """The radius of each parameter."""
    return card("card-radius.html", **radius.content(found))
