"""Mutants: commands."""

from typing import Annotated

import typer

from .common import MUTANTS, breaks

GoodCommand = typer.Typer()


@GoodCommand.command()
def count(sounds: Annotated[int, typer.Argument(help="How many.")], seed: Annotated[int, typer.Option(help="Seed.")] = 0) -> None:
    """Count sounds."""


@GoodCommand.command()
def name() -> None:
    """Name sounds."""


@breaks("command", "help says everything")
def Mute(sounds: int) -> None:
    """Say nothing of what it takes."""


Empty = typer.Typer()
MUTANTS.append(("command", "typer can call it", "Empty", "commands"))
