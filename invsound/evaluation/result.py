"""What a run found."""

from __future__ import annotations

from typing import Any

from ..pages import card, report
from ..table import Shown, Table


class RunResult(Shown, dict[str, Any]):
    """The scores of a run, as in scores.json, its seconds, and under "folder" where it is: a dict that shows itself."""

    def table(self) -> Table:
        """A row for each score, and for the error of each parameter; a column for each answer."""
        told = report.tables(self)
        rows = [("distance", *row) for row in told["score_rows"]] + [("error", *row) for row in told["error_rows"]]
        columns: dict[str, list[Any]] = {"": [row[0] for row in rows], "of": [row[1] for row in rows], "unit": [row[2] for row in rows]}
        columns |= {title: [row[3].get(system) for row in rows] for system, title in report.SYSTEMS.items()}
        return Table(f"Run {self['folder']}, {self['sound_count']} test sounds", columns)

    def _repr_html_(self) -> str:
        return card.of_run(self)
