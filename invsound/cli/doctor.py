"""`invsound doctor`, and `invsound doctor radius`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from .common import Command, Representation, Synthesizer, guarded, listen, sort_arguments
from .output import cell, print_json, say, show

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.callback(invoke_without_command=True)
@guarded
def doctor(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    limit: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds that one import may take.")] = 60.0,
) -> None:
    """Check the installation: versions, devices, plugins and every part they offer, the cache. Exit code 1 if something is broken.

    Each plugin and part is imported in a process of its own: one that ends, blocks or floods its process is named.
    """
    if context.invoked_subcommand is not None:
        return
    checks = list(_checks(limit))
    if json:
        print_json([{"check": name, "ok": ok, "finding": finding} for name, ok, finding in checks])
    else:
        for name, ok, finding in checks:
            say(f"{'ok     ' if ok else 'BROKEN '} {name}: {finding}")
    if not all(ok for _, ok, _ in checks):
        raise typer.Exit(1)


@app.command("radius", cls=Command)
@guarded
def radius(
    arguments: Annotated[
        Optional[list[str]],  # noqa: UP045  Typer reads annotations at run time, on Python 3.10 too
        typer.Argument(metavar="[KEY=VALUE]...", help="Options, such as synth.num_modes=4."),
    ] = None,
    synth: Synthesizer = None,
    feature: Representation = None,
    sounds: Annotated[int, typer.Option(help="Random sounds to take the median over.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the sounds.")] = 0,
    out: Annotated[Optional[Path], typer.Option(help="Folder for radius.json and radius.html.")] = None,  # noqa: UP045
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps or auto.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors on stderr.")] = False,
) -> None:
    """Measure how far the linear model of a synthesizer and a representation reaches: whether a loss on its Jacobian can work."""
    overrides, _ = sort_arguments(arguments or [])
    listen(quiet)
    from ..evaluation import radius as radii

    found = radii.radius(synth, feature, overrides=overrides, sounds=sounds, seed=seed, device=device, out=out)
    if json:
        print_json(found.as_dict())
        return
    _show(found)
    if out:
        say(f"Report: {out / 'radius.html'}")


def _show(found: Any) -> None:
    from rich.table import Table

    from ..pages.radius import reached

    table = Table(title=f"Relative error of Jδ, median over {found.sounds} sounds", title_justify="left")
    table.add_column("parameter")
    for heading in ("radius", "slope", *(f"{step:.0e}" for step in found.steps[::3])):
        table.add_column(heading, justify="right")
    radii = reached(found.as_dict())
    for name, errors in found.errors.items():
        table.add_row(
            cell(name),
            radii[name],
            f"{found.slope[name]:.3g}",
            *(f"{error:.2g}" for error in errors[::3]),
        )
    show(table)
    say("Columns are |δν|. The radius is the largest |δν| up to which the error is below 50 %; the slope is ‖ΔS‖ / |δν| at 0.02.")


def _checks(limit: float) -> Iterator[tuple[str, bool, str]]:
    from ..runs import environment
    from ..testing.diagnosis import diagnose

    yield "environment", True, ", ".join(f"{key} {value}" for key, value in environment.machine().items())
    yield _devices()
    yield from ((row.check, row.ok, row.finding) for row in diagnose(limit))
    yield _cache()


def _devices() -> tuple[str, bool, str]:
    import torch

    count = torch.cuda.device_count()
    return "device", True, ", ".join(torch.cuda.get_device_name(i) for i in range(count)) or "cpu only"


def _cache() -> tuple[str, bool, str]:
    from ..data.store import default_root
    from ..errors import InvsoundError
    from ..system.files import write_text

    root = default_root()
    try:
        write_text(root / ".writable", "")
    except InvsoundError as error:
        return "cache", False, str(error)
    size = sum(file.stat().st_size for file in root.rglob("*.safetensors"))
    return "cache", True, f"{root}, {size / 2**20:.0f} MiB; safe to delete at any time, INVSOUND_CACHE moves it"
