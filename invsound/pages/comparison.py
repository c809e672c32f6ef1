"""A comparison on disk: comparison.csv, comparison.json, comparison.md and comparison.html, a page that needs no network."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..system.files import write_json, write_text
from .charts import BOTTOM, TOP, Axes, Scale, number
from .figures import Figure, with_unit
from .page import write_page

ROW, EDGE = 44, 4  # height of a configuration in a plot; margin at its sides
GROUPS = {
    "scores": "Distance between reconstruction and target. Macro: the mean over sounds. Micro: the mean weighted by how strongly each "
    "sound responds to its parameters.",
    "errors": "Mean absolute error of each parameter, in its own unit.",
    "seconds": "Training, by the median epoch, and preparing sounds; what an earlier run had prepared cost nothing.",
}

Cell = dict[str, Any]
"""`values` of the seeds, their `median`, its interval `low` and `high`, and `p`: numbers, or None where there is none."""


@dataclass(frozen=True)
class Column:
    """One quantity of which less is better, and a cell, or None, for each configuration."""

    name: str
    unit: str
    group: str
    cells: list[Cell | None]

    @property
    def heading(self) -> tuple[str, str]:
        return self.name, self.unit

    @property
    def least(self) -> float:
        return min(float(cell["median"]) for cell in self.cells if cell)


def write(found: dict[str, Any], columns: list[Column], out: Path) -> Path:
    """Write the four files into `out` and return the page; `found` is what `--json` prints. Raises InvsoundError if the disk refuses."""
    rows = found["configurations"]
    write_text(out / "comparison.csv", _csv(rows, columns))
    write_json(out / "comparison.json", found)
    write_text(out / "comparison.md", "\n".join(_markdown(rows, [c for c in columns if c.group == group]) for group in GROUPS))
    figures = [intervals(column, [row["name"] for row in rows]) for column in columns if column.group == "scores"]
    return write_page(out / "comparison.html", "comparison.html", **tables(found, columns), figures=figures)


def tables(found: dict[str, Any], columns: list[Column]) -> dict[str, Any]:
    """What a page tells of a comparison, its pictures apart."""
    rows = found["configurations"]
    return {
        "rows": rows,
        "against": found["against"],
        "run_count": sum(len(row["folders"]) for row in rows),
        "groups": [(name, caption, [c for c in columns if c.group == name]) for name, caption in GROUPS.items()],
    }


def _csv(rows: list[dict[str, Any]], columns: list[Column]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    heads = [with_unit(*column.heading) for column in columns]
    table.writerow(["configuration", "seeds", *(f"{head}{end}" for head in heads for end in ("", " low", " high", " p"))])
    for k, row in enumerate(rows):
        cells = [column.cells[k] or {} for column in columns]
        values = [cell.get(key) for cell in cells for key in ("median", "low", "high", "p")]
        table.writerow([row["name"], " ".join(map(str, row["seeds"])), *("" if value is None else repr(value) for value in values)])
    return text.getvalue()


def _markdown(rows: list[dict[str, Any]], columns: list[Column]) -> str:
    """One group of columns as a table: median over seeds (its interval), and p against the reference."""
    lines = [["configuration", "seeds", *(with_unit(*column.heading) for column in columns)], ["---"] * (2 + len(columns))]
    for k, row in enumerate(rows):
        lines.append([row["name"], str(len(row["seeds"])), *(_told(column.cells[k]) for column in columns)])
    return "".join(f"| {' | '.join(text.replace('|', '&#124;') for text in line)} |\n" for line in lines)


def _told(cell: Cell | None) -> str:
    if cell is None:
        return ""
    interval = "" if cell["low"] is None or cell["high"] is None else f" ({number(cell['low'])} – {number(cell['high'])})"
    return f"{number(cell['median'])}{interval}" + ("" if cell["p"] is None else f", p {cell['p']:.2g}")


class Blank(Scale):
    """An axis without ticks."""

    def ticks(self) -> dict[float, str]:
        return {}


def intervals(column: Column, names: list[str]) -> Figure:
    """A line per configuration: its name, a stroke per seed, the interval as a bar, the median as a dot."""
    shown = [(name, cell) for name, cell in zip(names, column.cells, strict=True) if cell]
    values = [value for _, cell in shown for value in cell["values"]]
    log = min(values) > 0 and max(values) > 10 * min(values)
    height = TOP + BOTTOM + ROW * len(shown)
    axes = Axes(Scale.of(values, with_unit(*column.heading), log, margin=0.05), Blank(0, len(shown)), height=height)
    axes.plot = (EDGE, TOP, axes.size[0] - 2 * EDGE, ROW * len(shown))
    for k, (name, cell) in enumerate(shown):
        level = len(shown) - k - 0.65
        (left, y), *strokes = axes.at([axes.x.low, *cell["values"]], [level] * (1 + len(cell["values"])))
        axes.add(Markup('<text class="label" x="{:.1f}" y="{:.1f}">{}</text>').format(left, y - 13, _short(name)))
        axes.add(f'<path class="frame" d="{"".join(f"M{x:.1f} {y - 6:.1f}v12" for x, _ in strokes)}"/>')
        if cell["low"] is not None and cell["high"] is not None:
            (low, _), (high, _) = axes.at([cell["low"], cell["high"]], [level] * 2)
            axes.add(f'<path class="stem s0" d="M{low:.1f} {y:.1f}H{high:.1f}"/>')
        axes.points([cell["median"]], [level])
    name, best = min(shown, key=lambda pair: pair[1]["median"])
    least = f"{name}, {number(best['median'])}"
    caption = f"{column.name}: median over seeds (dot), its 95 % interval (bar), each seed (stroke). Least: {least}."
    return Figure(axes.svg(caption), caption)


def _short(name: str) -> str:
    return name if len(name) <= 56 else f"{name[:55]}…"
