"""Tables of results: on a screen, in a notebook, and as a data frame."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from typing import Any

from .errors import InvsoundError

ROWS, COLUMNS = 20, 8
"""What fits one screen."""


@dataclass(frozen=True)
class Table:
    """Columns of equal length, by their headings, and what they are of."""

    title: str
    columns: dict[str, list[Any]]

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return list(zip(*self.columns.values(), strict=True))

    def text(self) -> str:
        """As many rows and columns as fit one screen, and how many do not."""
        heads = list(self.columns)[:COLUMNS]
        cells = [heads, *([_said(cell) for cell in row[:COLUMNS]] for row in self.rows[:ROWS])]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
        left = [f"{n} more {what}" for n, what in ((len(self.rows) - ROWS, "rows"), (len(self.columns) - COLUMNS, "columns")) if n > 0]
        return "\n".join([self.title, *(f"  {line}" for line in lines), *([f"  … {' and '.join(left)}"] if left else [])])

    def html(self) -> str:
        """The whole of it as a table of HTML, without any style."""
        heads = "".join(f"<th>{escape(head)}</th>" for head in self.columns)
        rows = "".join(f"<tr>{''.join(f'<td>{escape(_said(cell))}</td>' for cell in row)}</tr>" for row in self.rows)
        return f"<p>{escape(self.title)}</p><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"

    def frame(self) -> Any:
        """A pandas.DataFrame. Raises InvsoundError where there is no pandas."""
        try:
            pandas: Any = importlib.import_module("pandas")
        except ImportError as error:
            raise InvsoundError("to_frame() makes a pandas.DataFrame: python -m pip install pandas") from error
        return pandas.DataFrame(self.columns)


def _said(cell: Any) -> str:
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else {True: "yes", False: "no"}[cell] if isinstance(cell, bool) else str(cell)


class Shown(ABC):
    """What shows itself as a table: `repr` fits one screen, a notebook shows the whole."""

    @abstractmethod
    def table(self) -> Table:
        """What is shown."""

    def to_frame(self) -> Any:
        """The table as a pandas.DataFrame. Raises InvsoundError where there is no pandas."""
        return self.table().frame()

    def __repr__(self) -> str:
        return self.table().text()

    def _repr_html_(self) -> str:
        return self.table().html()
