"""What a command calls, as Typer has it."""

from __future__ import annotations

from typing import Any

import typer
import typer.main

from ..errors import InvsoundError, reason
from . import registry
from .registry import Offer


def command(offer: Offer) -> Any:
    """The function or the Typer app of an offer. Raises InvsoundError where it cannot be imported, or Typer cannot call it."""
    target = registry.load(offer)
    try:
        return typer.main.get_command(target if isinstance(target, typer.Typer) else _app(target))
    except Exception as error:  # Typer's own, of annotations that it does not know, are of many kinds
        raise InvsoundError(f"The command {offer.label} is none that Typer can call: {reason(error)}") from error


def _app(function: Any) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(function)
    return app
