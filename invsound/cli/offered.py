"""Commands that plugins offer: listed by their names and summaries, imported when one is called."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer.core

from ..errors import InvsoundError, UsageError, did_you_mean, said
from .common import explained, refused

if TYPE_CHECKING:
    from ..hooks.registry import Offer


class Commands(typer.core.TyperGroup):
    """The command line's own commands, and behind them those of plugins."""

    def list_commands(self, ctx: Any) -> list[str]:
        from ..hooks import registry

        offers = registry.offers("command")
        return [*self.commands, *(f"{o.distribution}:{o.part.name}" if registry.rivals(o) else o.part.name for o in offers)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command to be listed: of one that a plugin offers, its name and its summary alone."""
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        return typer.core.TyperCommand(cmd_name, help=self._offer(cmd_name).part.summary)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called."""
        name, *rest = args
        if name in self.commands:
            return name, self.commands[name], rest
        with refused():
            return name, called(self._offer(name)), rest

    def _offer(self, name: str) -> Offer:
        from ..hooks import registry

        offers = registry.offers("command")
        if any(offer.goes_by(name) for offer in offers):
            return registry.find("command", name)
        broken = "".join(f" {p.distribution} is broken: {p.broken}" for p in registry.plugins() if p.broken)
        known = [*self.commands, *(o.part.name for o in offers)]
        raise UsageError(f"No such command {name!r}.{did_you_mean(name, known)} Available: {', '.join(known)}.{broken}")


def called(offer: Offer) -> Any:
    """What an offer calls; whatever it raises is told. Raises InvsoundError where there is nothing to call."""
    from ..hooks.commands import command

    found = command(offer)
    invoke = found.invoke

    def told(ctx: Any) -> Any:
        try:
            return invoke(ctx)
        except (InvsoundError, OSError, MemoryError):
            raise
        except Exception as error:
            if type(error).__module__.startswith(("typer", "click")):  # how a command ends, or says what was typed wrong
                raise
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"({Path(place.filename).name}, line {place.lineno})"
            raise InvsoundError(f"The command {offer.label} failed. {type(error).__name__} {where}: {said(error)}") from error

    found.invoke = explained(told)
    return found
