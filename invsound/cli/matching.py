"""`invsound match`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from .common import listen, print_json, seed_override, sort_arguments


def match(
    sound: Annotated[Path, typer.Argument(help="A recording: WAV, FLAC or OGG.")],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Options, such as solver.iterations=100.")] = None,
    synth: Annotated[str, typer.Option(help="Synthesizer g.")] = ...,  # type: ignore[assignment]
    feature: Annotated[str, typer.Option(help="Perceptual representation Φ.")] = ...,  # type: ignore[assignment]
    solver: Annotated[str, typer.Option(help="Solver.")] = "lm",
    candidates: Annotated[int, typer.Option(min=1, help="Random sounds to choose starts from.")] = 256,
    starts: Annotated[int, typer.Option(min=1, help="Starts handed to the solver.")] = 4,
    budget: Annotated[Optional[float], typer.Option(help="Seconds after which the solver stops.")] = None,  # noqa: UP045
    out: Annotated[Path | None, typer.Option(help="Folder for match.json and match.wav; named after the recording if not given.")] = None,
    seed: Annotated[Optional[int], typer.Option(help="Seed of the candidates.")] = None,  # noqa: UP045
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps or auto.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print the match as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors on stderr.")] = False,
) -> None:
    """Find the parameters of one recording, without training."""
    overrides, _ = sort_arguments(arguments or [])
    listen(quiet)
    from .. import audio, files, pipeline

    found = pipeline.match(
        sound, synth=synth, feature=feature, solver=solver, overrides=[*overrides, *seed_override(seed)],
        candidates=candidates, starts=starts, budget=budget, device=device,
    )  # fmt: skip
    folder = out or Path("runs") / f"match-{sound.stem}"
    files.write_json(folder / "match.json", found.as_dict())
    audio.save(folder / "match.wav", found.x_hat, found.sample_rate)
    if json:
        print_json(found.as_dict())
        return
    for name, value in found.parameters.items():
        typer.echo(f"{name:>12} = {value:.6g} {found.units[name]}".rstrip())
    compared = f"{feature} distance {found.distance:.4g} (a typical random sound: {found.random_distance:.4g})"
    typer.echo(f"{compared}, {found.seconds:.1f} s. {found.advice}")
    typer.echo(f"{folder / 'match.wav'}")
