"""`invsound studio`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def studio(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; a free one if 0.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Processes that prepare candidates.")] = 1,
    run: Annotated[
        Optional[list[Path]],  # noqa: UP045  Typer reads annotations at run time, on Python 3.10 too
        typer.Option(metavar="RUN", help="A run to open there: its encoder answers at once; may be given again."),
    ] = None,
) -> None:
    """Open a local page: drop or record a sound, match it, hear what was found, and turn the knobs. Ctrl-C ends it."""
    from .server import serve

    serve(port, browser, jobs, run or [])
