"""Tables in Markdown, as docs/ holds them."""

from collections.abc import Iterable, Sequence


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def table(head: str, rows: Iterable[Sequence[str]]) -> str:
    """Rows under `head`, its columns divided by ` | `."""
    columns = head.split(" | ")
    return "".join(map(row, [columns, ["---"] * len(columns), *rows]))
