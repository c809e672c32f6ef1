"""A comparison on disk: comparison.csv, comparison.json, comparison.md and comparison.html, a page that needs no network."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from markupsafe import Markup

from .charts import BOTTOM, TOP, Axes, Scale, number
from .comparison import Cell, Comparison, Configuration
from .figures import Figure, with_unit
from .files import write_json, write_text
from .page import write_page
from .results import Column

ROW, EDGE = 44, 4  # height of a configuration in a plot; margin at its sides
GROUPS = {
    "scores": "Distance between reconstruction and target. Macro: the mean over sounds. Micro: the mean weighted by how strongly each "
    "sound responds to its parameters.",
    "errors": "Mean absolute error of each parameter, in its own unit.",
    "seconds": "Training, by the median epoch, and preparing sounds; what an earlier run had prepared cost nothing.",
}


def write(comparison: Comparison, out: Path) -> Path:
    """Write the four files into `out` and return the page. Raises InvsoundError if the disk refuses."""
    write_text(out / "comparison.csv", _csv(comparison))
    write_json(out / "comparison.json", comparison.as_dict())
    write_text(out / "comparison.md", "\n".join(_markdown(comparison, group) for group in GROUPS))
    rows, columns = comparison.configurations, comparison.columns
    return write_page(
        out / "comparison.html",
        "comparison.html",
        rows=rows,
        against=comparison.against,
        run_count=sum(len(row.runs) for row in rows),
        groups=[(name, caption, [c for c in columns if c.group == name]) for name, caption in GROUPS.items()],
        least={column: min(row.cells[column].median for row in rows if column in row.cells) for column in columns},
        figures=[intervals(column, rows) for column in columns if column.group == "scores"],
    )


def _csv(comparison: Comparison) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    heads = [with_unit(column.name, column.unit) for column in comparison.columns]
    table.writerow(["configuration", "seeds", *(f"{head}{end}" for head in heads for end in ("", " low", " high", " p"))])
    for row in comparison.configurations:
        cells = [row.cells.get(column) for column in comparison.columns]
        values = [value for cell in cells for value in ((cell.median, cell.low, cell.high, cell.p) if cell else (None,) * 4)]
        table.writerow([row.name, " ".join(map(str, row.seeds)), *("" if value is None else repr(value) for value in values)])
    return text.getvalue()


def _markdown(comparison: Comparison, group: str) -> str:
    """One group of columns as a table: median over seeds (its interval), and p against the reference."""
    columns = [column for column in comparison.columns if column.group == group]
    lines = [["configuration", "seeds", *(with_unit(column.name, column.unit) for column in columns)], ["---"] * (2 + len(columns))]
    for row in comparison.configurations:
        lines.append([row.name, str(len(row.seeds)), *(_told(row.cells.get(column)) for column in columns)])
    return "".join(f"| {' | '.join(text.replace('|', '&#124;') for text in line)} |\n" for line in lines)


def _told(cell: Cell | None) -> str:
    if cell is None:
        return ""
    interval = "" if cell.low is None or cell.high is None else f" ({number(cell.low)} – {number(cell.high)})"
    return f"{number(cell.median)}{interval}" + ("" if cell.p is None else f", p {cell.p:.2g}")


class Blank(Scale):
    """An axis without ticks."""

    def ticks(self) -> dict[float, str]:
        return {}


def intervals(column: Column, rows: list[Configuration]) -> Figure:
    """A line per configuration: its name, a stroke per seed, the interval as a bar, the median as a dot."""
    shown = [(row.name, row.cells[column]) for row in rows if column in row.cells]
    values = [value for _, cell in shown for value in cell.values]
    log = min(values) > 0 and max(values) > 10 * min(values)
    height = TOP + BOTTOM + ROW * len(shown)
    axes = Axes(Scale.of(values, with_unit(column.name, column.unit), log, margin=0.05), Blank(0, len(shown)), height=height)
    axes.plot = (EDGE, TOP, axes.size[0] - 2 * EDGE, ROW * len(shown))
    for k, (name, cell) in enumerate(shown):
        level = len(shown) - k - 0.65
        (left, y), *strokes = axes.at([axes.x.low, *cell.values], [level] * (1 + len(cell.values)))
        axes.add(Markup('<text class="label" x="{:.1f}" y="{:.1f}">{}</text>').format(left, y - 13, _short(name)))
        axes.add(f'<path class="frame" d="{"".join(f"M{x:.1f} {y - 6:.1f}v12" for x, _ in strokes)}"/>')
        if cell.low is not None and cell.high is not None:
            (low, _), (high, _) = axes.at([cell.low, cell.high], [level] * 2)
            axes.add(f'<path class="stem s0" d="M{low:.1f} {y:.1f}H{high:.1f}"/>')
        axes.points([cell.median], [level])
    name, best = min(shown, key=lambda pair: pair[1].median)
    caption = f"{column.name}: median over seeds (dot), its 95 % interval (bar), each seed (stroke). Least: {name}, {number(best.median)}."
    return Figure(axes.svg(caption), caption)


def _short(name: str) -> str:
    return name if len(name) <= 56 else f"{name[:55]}…"
