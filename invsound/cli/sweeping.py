"""`invsound sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ..system.device import cores
from . import signals
from .common import Executing, end, listen, sort_arguments
from .output import print_json, say


def sweep(
    file: Annotated[Path, typer.Argument(help="YAML file with base, grid, configurations and seeds.")],
    arguments: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[KEY=VALUE]...", help="Options of every run, such as data.train=64."),
    ] = None,
    preset: Annotated[Optional[str], typer.Option(help="quick or paper, instead of the file's own.")] = None,  # noqa: UP045
    seed: Annotated[Optional[list[int]], typer.Option(help="A seed instead of the file's own; may be given again.")] = None,  # noqa: UP045
    only: Annotated[Optional[list[str]], typer.Option(metavar="NAME", help="A configuration to run; may be given again.")] = None,  # noqa: UP045
    out: Annotated[Optional[Path], typer.Option(help="Folder of the runs; runs/ and the file's name if not given.")] = None,  # noqa: UP045
    jobs: Annotated[Optional[int], typer.Option(min=1, max=1024, help="Processes for sounds; all usable cores if not given.")] = None,  # noqa: UP045
    executor: Executing = "local",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps or auto.")] = "cpu",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the runs and how far each is; run nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors on stderr.")] = False,
) -> None:
    """Run a grid of options with several seeds; what is finished is skipped. Exit code 1 if a run failed."""
    overrides, _ = sort_arguments(arguments or [])
    listen(quiet)
    signals.advise("Nothing that was finished is lost: the same sweep, started again, goes on.")
    from ..experiments import sweep as sweeps

    outcomes = sweeps.sweep(
        file, out=out, preset=preset, seeds=seed or None, only=only or None, overrides=overrides,
        jobs=jobs or cores(), executor=executor, device=device, dry_run=dry_run,
    )  # fmt: skip
    if json:
        print_json(outcomes)
    else:
        for run in outcomes:
            error = f"  {run['error']}" if "error" in run else ""
            say(f"{run['state']:<8}  {run['name']}, seed {run['seed']}  {run['folder']}{error}")
    failed = sum(run["state"] == "failed" for run in outcomes)
    if failed:
        end(f"{failed} of {len(outcomes)} runs failed; the same command tries them again.", 1)
