"""Where training starts: from fresh weights, or from the encoder of another run."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ..encoder import Encoder
from ..errors import UsageError
from ..runs import config as configs
from ..runs import folder
from ..runs.config import Config
from ..runs.naming import flat
from ..runs.parts import Parts
from ..system.store import load_tensors

HEARD = ("synth", "encoder", "space")
"""Groups of options that say what an encoder hears, and what its outputs mean."""


def check(config: Config, runs_to_come: Collection[Path] = ()) -> None:
    """Raise UsageError if `train.start` is no finished run of the same synth, encoder and coordinates, nor one of those to come."""
    if config.train.start is None:
        return
    path = _run(config, config.train.start)
    if path in runs_to_come:
        return
    if not (path / folder.ENCODER).is_file():
        raise UsageError(f"train.start: {str(path)!r} holds no trained encoder. Give the folder of a run that has finished.")
    there, here = (_heard(run) for run in (configs.load(folder.existing(path) / "config.yaml"), config))
    for key in [*here, *there]:
        if there.get(key) != here.get(key):
            raise UsageError(
                f"train.start: in {str(path)!r} {key} is {there.get(key)!r}, here it is {here.get(key)!r}. "
                "An encoder goes on with the synth, the encoder's options and the coordinates that it was trained with: "
                "give the same here, or choose another run."
            )


def _run(config: Config, start: str) -> Path:
    return Path(start.replace("{seed}", str(config.seed)))


def _heard(config: Config) -> dict[str, object]:
    given = config.as_dict()
    return flat({"parts": {kind: given["parts"].get(kind) for kind in HEARD[:2]}, **{kind: given[kind] for kind in HEARD}})


def encoder(parts: Parts, path: Path) -> Encoder:
    """The encoder that the run in the folder `path` starts from; of another run's weights it keeps a copy, and needs that run no more."""
    fresh, start, kept = parts.encoder(), parts.config.train.start, path / "start"
    if start is None:
        return fresh
    if load_tensors(kept / folder.ENCODER) is None:
        folder.save_encoder(kept, folder.load_encoder(folder.existing(_run(parts.config, start)), fresh))
    return folder.load_encoder(kept, fresh)
