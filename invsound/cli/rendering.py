"""`invsound render`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from .common import Synthesizer, listen, sort_arguments
from .output import print_json, say


def render(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PARAMETER=VALUE]...",
            help="Parameters in their units, or by name; synth.option=value for the synth's options.",
        ),
    ] = None,
    synth: Synthesizer = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of what is random and not asked for.", show_default="0")] = None,
    out: Annotated[Path, typer.Option(help="The sound file: .wav, or .flac of 24 bits.")] = Path("out.wav"),
    json: Annotated[bool, typer.Option("--json", help="Print the parameters as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors on stderr.")] = False,
) -> None:
    """Synthesise one sound; parameters not named are at mid-range."""
    overrides, _ = sort_arguments(arguments or [])
    listen(quiet)
    from ..audio import written
    from ..hooks import options, registry
    from ..problem import finite, said
    from ..runs import config as configs
    from ..runs import hints
    from ..synth import sound, stated
    from ..system.files import atomic, check_folder, writable

    given, synth = options.from_overrides(overrides), configs.chosen("synth", synth)
    check_folder(out.parent)
    ending, file = written.check_ending(out), writable(out)
    of_synth = options.group(given, "synth")
    hints.check_names(synth, registry.load(registry.find("synth", synth)).Options, of_synth)
    made = stated(registry.build("synth", synth, of_synth))
    given.pop("synth", None)
    for name in given:
        if name not in made.space.names and (hint := hints.hint(name, hints.options_of({"synth": synth}), None)):
            raise UsageError(f"No parameter named {name!r}.{hint} Available: {made.space.describe()}.")
    if made.nuisance:
        made.seed = seed or 0
    elif seed is not None:
        raise UsageError(f"{registry.named(made)} has no nuisance, nothing random that a seed would draw: leave --seed={seed} out.")
    theta = made.space.values(given)
    x = finite(sound(made, theta[None].float()), registry.named(made), made.space, made.space.to_nu(theta[None]))[0]
    with atomic(file) as temporary:
        temporary.write_bytes(written.encoded(x, made.signal.sample_rate, ending))
    values = made.space.named(theta)
    parameters = {p.name: {"value": values[p.name], "unit": p.unit} for p in made.space}
    if json:
        drawn = {"seed": made.seed} if made.nuisance else {}
        print_json({"file": str(out), "parameters": parameters, "seconds": made.signal.duration} | drawn)
    else:
        say(f"{out}: " + said(made.space, made.space.to_nu(theta)) + (f", seed={made.seed}" if made.nuisance else ""))
