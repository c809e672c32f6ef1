"""`invsound run` and `invsound evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ..errors import UsageError
from ..system.device import cores
from . import signals
from .common import Executing, Representation, Synthesizer, listen, seed_override, sort_arguments
from .output import cell, print_json, quantity, say, show

Name = Optional[str]  # noqa: UP045  Typer reads annotations at run time, on Python 3.10 too
Folder = Optional[Path]  # noqa: UP045


def run(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Options, such as train.epochs=20 feature.J=10.")
    ] = None,
    synth: Synthesizer = None,
    feature: Representation = None,
    loss: Annotated[Name, typer.Option(help="Training loss.", show_default="ploss")] = None,
    optimizer: Annotated[Name, typer.Option(help="Optimizer of the encoder's weights.", show_default="adam")] = None,
    encoder: Annotated[Name, typer.Option(help="Encoder.", show_default="cnn; efficientnet-b0 with --preset paper")] = None,
    config: Annotated[Folder, typer.Option(help="YAML file of options, such as the config.yaml of a run.")] = None,
    preset: Annotated[str, typer.Option(help="quick (minutes on a CPU) or paper (the published setting).")] = "quick",
    target: Annotated[Optional[list[str]], typer.Option(metavar="FILE...", help="Recordings to match with the trained encoder.")] = None,  # noqa: UP045
    out: Annotated[Folder, typer.Option(help="Run folder; a new one under runs/ if not given.")] = None,
    resume: Annotated[Folder, typer.Option(help="Go on with an interrupted run.")] = None,
    seed: Annotated[Optional[int], typer.Option(help="Seed of sounds, weights and batches.")] = None,  # noqa: UP045
    jobs: Annotated[Optional[int], typer.Option(min=1, max=1024, help="Processes for sounds; all usable cores if not given.")] = None,  # noqa: UP045
    executor: Executing = "local",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps or auto.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors on stderr.")] = False,
) -> None:
    """Train an encoder to hear a synthesizer's parameters, score it, and write a run folder with a report."""
    overrides, files = sort_arguments(arguments or [], files="--target" if target else None)
    listen(quiet)
    named: dict[str, Any] = {"synth": synth, "feature": feature, "loss": loss, "optimizer": optimizer, "encoder": encoder}
    jobs = jobs or cores()
    others = [override for override in overrides if not override.startswith("executor.")]
    if resume and (others or files or target or config or out or any(name is not None for name in named.values()) or seed is not None):
        raise UsageError("--resume goes on with the run as it was begun: it takes no parts, options, targets, --config, --seed or --out.")
    signals.advise("Nothing that was finished is lost: a run goes on with invsound run --resume RUN.")
    from .. import pipeline

    if resume:
        result = pipeline.resume(resume, jobs=jobs, executor=executor, overrides=overrides, device=device)
    else:
        result = pipeline.run(
            **named, overrides=[*overrides, *seed_override(seed)], config=config, preset=preset,
            targets=[*(target or []), *files], out=out, jobs=jobs, executor=executor, device=device,
        )  # fmt: skip
    _show(result, json)


def evaluate(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    files: Annotated[Optional[list[str]], typer.Argument(metavar="[FILE]...", help="More recordings to match.")] = None,  # noqa: UP045
    target: Annotated[Optional[list[str]], typer.Option(metavar="FILE...", help="Recordings to match with the trained encoder.")] = None,  # noqa: UP045
    jobs: Annotated[Optional[int], typer.Option(min=1, max=1024, help="Processes for sounds; all usable cores if not given.")] = None,  # noqa: UP045
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps or auto.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors on stderr.")] = False,
) -> None:
    """Score a finished run anew, on its test sounds and on recordings, and rewrite its scores and report."""
    listen(quiet)
    signals.advise("Sounds that were prepared are kept, and the run has its old scores: the same command goes on.")
    from .. import pipeline

    result = pipeline.evaluate(run, targets=[*(target or []), *(files or [])], jobs=jobs or cores(), device=device)
    _show(result, json)


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    from rich.table import Table

    from ..pages.report import BESIDE

    estimates = ("trained", "untrained", "training_mean")
    table = Table(title=f"{result['sound_count']} test sounds", title_justify="left")
    for heading in ("", "trained", "untrained encoder", "training mean"):
        table.add_column(heading, justify="right" if heading else "left")
    for score, row in result["scores"].items():
        for average in row["trained"]:
            table.add_row(f"{score} {average}", *(f"{row[e][average]:.4g}" for e in estimates))
    for name, row in result["parameters"].items():
        unit = f" [{row['unit']}]" if row["unit"] else ""
        told = [f"{row[e]:.4g}" for e in estimates]
        if "chance" in row:
            unit, told = f", options right (by chance {1 - row['chance']:.0%})", [f"{1 - row[e]:.0%}" for e in estimates]
        table.add_row(cell(f"{name}{unit}" if "chance" in row else f"error of {name}{unit}"), *told)
    show(table)
    units = {name: row["unit"] for name, row in result["parameters"].items()}
    for target in result["targets"]:
        say(f"{target['name']}: {target.get('said', '')}")
        for score, value in target["scores"].items():
            beside = [f"{title} {target[key][score]:.4g}" for key, title in BESIDE.items() if key in target]
            say(f"  {score} {value:.4g}" + (f" ({', '.join(beside)})" if beside else ""))
        for name, value in target["parameters"].items():
            say(f"  {name} = {quantity(value, units.get(name, ''))}")
    spent = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in result["seconds"].items())
    say(f"{spent}\nReport: {Path(result['folder']) / 'report.html'}")
