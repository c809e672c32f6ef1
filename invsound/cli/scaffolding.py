"""`invsound new-plugin`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from .output import print_json, say

Names = Annotated[Optional[list[str]], typer.Option(metavar="NAME", help="A part of this kind; may be given again.")]  # noqa: UP045


def new_plugin(
    name: Annotated[str, typer.Argument(help="The new package, such as invsound-bell.")],
    synth: Names = None,
    feature: Names = None,
    loss: Names = None,
    optimizer: Names = None,
    encoder: Names = None,
    solver: Names = None,
    logger: Names = None,
    executor: Names = None,
    command: Names = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write; named after the package if not given.")] = None,
    author: Annotated[str, typer.Option(help="Who holds the rights, for LICENSE and pyproject.toml.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a new plugin package that works at once: a part of each kind asked for, its options, tests, README, CI and licence."""
    from ..authoring import scaffold

    kinds = {"synth": synth, "feature": feature, "loss": loss, "optimizer": optimizer, "encoder": encoder}
    kinds |= {"solver": solver, "logger": logger, "executor": executor, "command": command}
    made = scaffold.write(name, {kind: names or [] for kind, names in kinds.items()}, out, author)
    if json:
        print_json({"folder": str(made.folder), "files": made.files, "next": made.next})
        return
    say(f"{made.folder}: {len(made.files)} files. Type next:")
    for line in made.next:
        say(f"  {line}")
