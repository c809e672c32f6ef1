"""`invsound check-plugin`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from .output import print_json, say

WORDS = {"ok": "ok     ", "failed": "FAILED ", "skipped": "skipped"}


def check_plugin(
    distribution: Annotated[str, typer.Argument(help="An installed plugin, as list-plugins prints it.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check that every part of an installed plugin keeps its laws. Exit code 1 if one does not."""
    from ..testing.examine import examine

    verdicts = []
    for verdict in examine(distribution):
        verdicts.append(verdict)
        if not json:
            finding = f" — {verdict.message}" if verdict.message else ""
            say(f"{WORDS[verdict.status]} {verdict.subject}: {verdict.law}{finding}")
    count = {status: sum(verdict.status == status for verdict in verdicts) for status in WORDS}
    if json:
        print_json([dataclasses.asdict(verdict) for verdict in verdicts])
    else:
        say(", ".join(f"{number} {status}" for status, number in count.items()))
    if count["failed"]:
        raise typer.Exit(1)
