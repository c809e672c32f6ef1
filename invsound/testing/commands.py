"""Laws of commands: Typer can call them, their help says what everything is, and is quick."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from ..errors import InvsoundError
from ..hooks import commands
from ..hooks.registry import Offer
from .law import hold, law
from .package import fresh


class Called:
    """A command under test."""

    def __init__(self, offer: Offer) -> None:
        self.offer, self.kind = offer, offer.kind

    @property
    def label(self) -> str:
        return f"{self.kind} {self.offer.part.name}"

    @cached_property
    def command(self) -> Any:
        return commands.command(self.offer)


@law("command", first=True, mend="let the target be a function with annotated arguments, or a typer.Typer with commands.")
def typer_can_call_it(subject: Called) -> None:
    """A command's target is a function as Typer takes it, or a Typer app."""
    try:
        hold(subject.command.name is not None or subject.command.callback, "There is nothing in it to call")
    except InvsoundError as error:
        hold(False, str(error))


@law("command", mend="write a docstring for the command, and Annotated[…, typer.Option(help=…)] for what it takes.")
def help_says_everything(subject: Called) -> None:
    """Every command has a docstring, and every argument and option a line of help."""
    mute = [what for what, help in _said(subject.command, subject.offer.part.name) if not (help or "").strip()]
    hold(not mute, f"Nothing is said of: {', '.join(mute)}")


def _said(command: Any, name: str) -> Iterator[tuple[str, str | None]]:
    """What there is to be said something of, and what is."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield name, command.help
    for param in command.params:
        yield f"{name} {param.opts[0]}", param.help
    for other, one in inner.items():
        yield from _said(one, f"{name} {other}")


@law("command", mend="import torch, numpy and the parts inside the function.")
def help_needs_neither_torch_nor_numpy(subject: Called) -> None:
    """The module of a command is imported for its help: it imports neither torch nor numpy."""
    module = subject.offer.part.target.partition(":")[0]
    heavy = fresh(module)[1]
    hold(not heavy, f"import {module} in a fresh interpreter brought {' and '.join(heavy)}")
