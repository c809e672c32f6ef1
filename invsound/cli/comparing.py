"""`invsound compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from .common import listen
from .output import cell, print_json, say, show


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, or folders that hold them.")],
    out: Annotated[Optional[Path], typer.Option(help="Folder for comparison.csv, .json, .md and .html.")] = None,  # noqa: UP045
    against: Annotated[Optional[str], typer.Option(metavar="NAME", help="The configuration the others are tested against.")] = None,  # noqa: UP045
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors on stderr.")] = False,
) -> None:
    """Compare finished runs: medians and intervals over seeds, significance over test sounds."""
    listen(quiet)
    from ..experiments import comparison

    found = comparison.compare(runs, against=against, out=out)
    if json:
        print_json(found.as_dict())
        return
    _show(found)
    if out:
        say(f"Report: {out / 'comparison.html'}")


def _show(found: Any) -> None:
    from rich.table import Table

    for group in dict.fromkeys(column.group for column in found.columns):
        table = Table(title=group.capitalize(), title_justify="left", show_lines=True)
        columns = [column for column in found.columns if column.group == group]
        table.add_column("configuration")
        for column in columns:
            table.add_column(cell(f"{column.name} [{column.unit}]" if column.unit else column.name), justify="right")
        for row in found.configurations:
            seeds = f"seed{'s' * (len(row.seeds) > 1)} {', '.join(map(str, row.seeds))}"
            table.add_row(f"{cell(row.name)}\n{seeds}", *(_cell(row.cells.get(column)) for column in columns))
        show(table)
    say(f"Median over seeds, bootstrap 95 % interval, p against {found.against}: permutation paired over test sounds.")


def _cell(cell: Any) -> str:
    if cell is None:
        return ""
    interval = "" if cell.low is None else f"\n{cell.low:.4g} – {cell.high:.4g}"
    return f"{cell.median:.4g}{interval}" + ("" if cell.p is None else f"\np {cell.p:.2g}")
