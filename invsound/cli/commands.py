"""The commands that are invsound's own, and what is before them: --version, --strict-plugins."""

from __future__ import annotations

import typer

from . import caching, checking, comparing, doctor, hearing, listing, matching, rendering, running, scaffolding, sweeping
from .common import Command, guarded
from .offered import Commands
from .output import say

app = typer.Typer(
    name="invsound",
    cls=Commands,
    help="Given a sound, find the synthesizer parameters that make it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run", cls=Command)(guarded(running.run))
app.command("evaluate", cls=Command)(guarded(running.evaluate))
app.command("sweep", cls=Command)(guarded(sweeping.sweep))
app.command("compare", cls=Command)(guarded(comparing.compare))
app.command("match", cls=Command)(guarded(matching.match))
app.command("hear", cls=Command)(guarded(hearing.hear))
app.command("render", cls=Command)(guarded(rendering.render))
app.command("export", cls=Command)(guarded(hearing.export))
app.command("list-plugins", cls=Command)(guarded(listing.list_plugins))
app.command("new-plugin", cls=Command)(guarded(scaffolding.new_plugin))
app.command("check-plugin", cls=Command)(guarded(checking.check_plugin))
app.add_typer(caching.app, name="cache")
app.add_typer(doctor.app, name="doctor")


@app.callback(invoke_without_command=True)
@guarded
def version(
    show: bool = typer.Option(False, "--version", help="Print the version and exit."),
    strict: bool = typer.Option(False, "--strict-plugins", help="A broken plugin is an error."),
) -> None:
    if show:
        from ..system.version import VERSION

        say(f"invsound {VERSION}")
        raise typer.Exit()
    if strict:
        from ..hooks.registry import check_all

        check_all()
