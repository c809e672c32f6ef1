"""`invsound hear` and `invsound export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from . import signals
from .common import listen
from .output import print_json, quantity, say


def hear(
    sounds: Annotated[list[str], typer.Argument(metavar="SOUND...", help="Recordings.")],
    trained: Annotated[str, typer.Option("--with", metavar="NAME", help="A trained encoder, or the folder of a run or an export.")],
    feature: Annotated[Optional[str], typer.Option(help="Representation in which each answer is corrected once.")] = None,  # noqa: UP045
    out: Annotated[Path | None, typer.Option(help="Folder for what is written; one under runs/ if not given.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the answers as a list in JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors on stderr.")] = False,
) -> None:
    """Ask a trained encoder for the parameters of recordings: an answer at once, without a search."""
    listen(quiet)
    signals.advise("What was written until then is whole.")
    from ..audio import recording as recordings
    from ..audio import written
    from ..errors import UsageError
    from ..matching.matches import names
    from ..system.claim import claimed, claimed_free
    from ..system.files import check_folder, safe_name, write_json
    from ..trained.trained import load

    ready = load(trained, feature)
    folder, failed = out or Path("runs") / f"heard-by-{safe_name(ready.name)}", False
    check_folder(folder)
    answers: list[dict[str, Any]] = []
    with claimed(folder) if out else claimed_free(folder) as folder:
        for path, name in zip(map(Path, sounds), names([Path(sound) for sound in sounds]), strict=True):
            try:
                answer = ready(path)
            except UsageError as error:
                if len(sounds) == 1:
                    raise
                failed = True
                answers.append({"name": name, "file": str(path), "error": str(error)})
                continue
            recordings.tell(answer.recording)
            for kind, x in (("target", answer.recording.x), ("reconstruction", answer.x_hat)):
                written.save(folder / f"{name}-{kind}.wav", x, ready.synth.signal.sample_rate)
            answers.append({"name": name, **answer.as_dict(), "reconstruction": str(folder / f"{name}-reconstruction.wav")})
        write_json(folder / "heard.json", answers)
    if json:
        print_json(answers)
    else:
        for one in answers:
            _say(one)
    if failed:
        raise typer.Exit(1)


def _say(answer: dict[str, Any]) -> None:
    corrected = f", corrected once in {answer['feature']}" if answer.get("feature") else ""
    say(f"{answer['name']}{corrected}:")
    if "error" in answer:
        return say(f"  {answer['error']}")
    for name, value in answer["parameters"].items():
        say(f"  {name} = {quantity(value, answer['units'][name])}")
    say(f"  {answer['reconstruction']}")


def export(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    folder: Annotated[Path, typer.Argument(help="The new folder; its name is the encoder's.")],
    onnx: Annotated[bool, typer.Option("--onnx", help="Write the network, without its front end, as encoder.onnx too.")] = False,
) -> None:
    """Write a run's trained encoder down, to be kept and given away: weights, a card, and what `hear` and `match` need of them."""
    from ..trained.export import export as write

    say(f"{write(run, folder, onnx=onnx)}: try it by: invsound hear SOUND --with {folder}")
