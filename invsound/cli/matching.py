"""`invsound match`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ..errors import UsageError
from ..system.device import cores
from . import signals
from .common import Executing, Representation, Synthesizer, listen, seed_override, sort_arguments
from .output import print_json, quantity, say


def match(
    arguments: Annotated[
        list[str], typer.Argument(metavar="SOUND... [KEY=VALUE]...", help="Recordings, and options such as solver.iterations=100.")
    ],
    synth: Synthesizer = None,
    feature: Representation = None,
    solver: Annotated[Optional[str], typer.Option(help="Solver.", show_default="lm")] = None,  # noqa: UP045
    budget: Annotated[Optional[str], typer.Option(help="Time for one sound, such as 60s or 2min, or none.", show_default="60s")] = None,  # noqa: UP045
    evaluations: Annotated[Optional[int], typer.Option(help="Sounds computed per recording, at most.")] = None,  # noqa: UP045
    candidates: Annotated[Optional[int], typer.Option(help="Random sounds to compare with.", show_default="256")] = None,  # noqa: UP045
    starts: Annotated[Optional[int], typer.Option(help="Regions surveyed, and starts for the solver.", show_default="4")] = None,  # noqa: UP045
    survey: Annotated[Optional[bool], typer.Option(help="Refine candidates before the solver begins.", show_default="survey")] = None,  # noqa: UP045
    keep: Annotated[Optional[int], typer.Option(help="Distinct solutions to report.", show_default="1")] = None,  # noqa: UP045
    free: Annotated[Optional[str], typer.Option(metavar="NAME,...", help="Estimate these parameters only.")] = None,  # noqa: UP045
    fix: Annotated[Optional[list[str]], typer.Option(metavar="NAME=VALUE", help="Hold a parameter; may be given several times.")] = None,  # noqa: UP045
    encoder: Annotated[Optional[str], typer.Option(metavar="NAME", help="A trained encoder that adds a start, or its run.")] = None,  # noqa: UP045
    yardstick: Annotated[Optional[Path], typer.Option(metavar="DIR", help="Other recordings: how near is the nearest?")] = None,  # noqa: UP045
    out: Annotated[Path | None, typer.Option(help="Folder for what is written; one under runs/ if not given.")] = None,
    seed: Annotated[Optional[int], typer.Option(help="Seed of candidates and survey.")] = None,  # noqa: UP045
    jobs: Annotated[Optional[int], typer.Option(min=1, max=1024, help="Processes; all usable cores if not given.")] = None,  # noqa: UP045
    executor: Executing = "local",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps or auto.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print the match as JSON, or a list of them.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors on stderr.")] = False,
) -> None:
    """Find the parameters of recordings, without training."""
    overrides, sounds = sort_arguments(arguments, files="SOUND")
    if not sounds:
        raise UsageError("Which sound? Give at least one recording: invsound match tom.flac --synth NAME --feature NAME.")
    listen(quiet)
    signals.advise("Candidates that were prepared, and sounds that were matched, are kept.")
    from ..matching import matcher, matches, options
    from ..matching.match import Interrupted
    from ..system.claim import claimed, claimed_free
    from ..system.files import check_folder

    given: dict[str, Any] = {
        "budget": budget, "evaluations": evaluations, "candidates": candidates, "starts": starts, "survey": survey, "keep": keep,
        "free": [name.strip() for name in free.split(",")] if free else None, "fix": _held(fix) if fix else None,
        "encoder": encoder, "yardstick": str(yardstick) if yardstick else None,
    }  # fmt: skip
    how = {name: None if value == "none" and name == "budget" else value for name, value in given.items() if value is not None}
    of, jobs = options.groups([*overrides, *seed_override(seed)], how), jobs or cores()
    folder = out or Path("runs") / ("matches" if len(sounds) > 1 else f"match-{matches.folder_name(Path(sounds[0]))}")
    check_folder(folder)
    if len(sounds) == 1:
        ready = matcher.Matcher(synth, feature, solver, of, jobs=jobs, executor=executor, device=device)
        with claimed(folder) if out else claimed_free(folder) as folder:
            try:
                found, interrupted = ready(sounds[0]), False
            except Interrupted as cut:
                found, interrupted = cut.found, True
            page = matches.write(found, folder)
        _show([{**found.as_dict(), "folder": str(folder)}], page, json, many=False)
        if interrupted:
            signals.advise(f"What was found until then is in {folder}.")
            raise KeyboardInterrupt
        return
    with claimed(folder) if out else claimed_free(folder) as folder:
        paths = [Path(sound) for sound in sounds]
        results = matches.match_files(paths, folder, synth, feature, solver, of, jobs=jobs, by=executor, device=device)
    _show(results, folder / "matches.html", json, many=True)
    if any("error" in result for result in results):
        raise typer.Exit(1)


def _held(given: list[str]) -> dict[str, float | str]:
    held: dict[str, float | str] = {}
    for text in ",".join(given).split(",") if given else []:
        name, equals, value = text.partition("=")
        if not equals or not value.strip():
            raise UsageError(f"--fix takes NAME=VALUE, a number or an option's name, got {text!r}. For example: --fix alpha=0.5.")
        try:
            held[name.strip()] = float(value)
        except ValueError:
            held[name.strip()] = value.strip()
    return held


def _show(results: list[dict[str, Any]], page: Path, json: bool, many: bool) -> None:
    if json:
        print_json(results if many else results[0])
        return
    for result in results:
        if many:
            say(f"{result['name']}:")
        if "error" in result:
            say(f"  {result['error']}")
            continue
        for name, value in result["parameters"].items():
            say(_line(name, value, result))
        compared = f"{result['feature']} distance {result['distance']:.4g} (a typical random sound: {result['random_distance']:.4g})"
        say(f"{compared}, {result['evaluations']} sounds, {result['seconds']:.1f} s. {result['advice']}")
    say(f"{page}")


def _line(name: str, value: float | str, result: dict[str, Any]) -> str:
    """`omega = 431.2 ± 0.1 rad/s (68.63 Hz)`."""
    said = {True: "", False: "  (not determined)", None: "  (held)"}[result["determined"].get(name)]
    said = "  (at the end of its range)" if result["at_bound"].get(name) else said
    return f"{name:>12} = {quantity(value, result['units'][name], result['standard_errors'][name])}{said}"
