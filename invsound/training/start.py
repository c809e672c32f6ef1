"""Where training starts: from fresh weights, or from the encoder of another run."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path

from ..encoder import Encoder
from ..errors import UsageError
from ..runs import config as configs
from ..runs import folder
from ..runs.config import Config
from ..runs.naming import flat
from ..runs.parts import Parts
from ..system import progress
from ..system.files import atomic
from ..system.tensors import load_tensors

KEPT = "start"
"""The folder, in that of a run, of the weights that it started from."""
HEARD = ("synth", "encoder", "space")
"""Groups of options that say what an encoder hears, and what its outputs mean."""


def kept(config: Config, source: Path | None, anew: Container[str] = ()) -> Path | None:
    """`source`, a run folder, if it has kept the weights that `config` starts from; None for an origin that is to be read `anew`."""
    start = config.train.start
    if source is None or start is None or start in anew or load_tensors(source / KEPT / folder.ENCODER) is None:
        return None
    return source if configs.load(folder.existing(source) / "config.yaml").train.start == start else None


def check(config: Config, source: Path | None = None, runs_to_come: Container[Path] = ()) -> None:
    """Raise UsageError if `train.start` is no finished run of the same synth, encoder and coordinates, nor one of those to come.

    `source` has kept the weights of the run that it names, which need not be there any more.
    """
    if config.train.start is None:
        return
    path = source or _run(config, config.train.start)
    if path in runs_to_come:
        return
    progress.log.info("Reading the encoder of %s", path)
    if source is None and not os.path.isfile(path / folder.ENCODER):
        raise UsageError(f"train.start: {str(path)!r} holds no trained encoder. Give the folder of a run that has finished.")
    there, here = (_heard(run) for run in (configs.load(folder.existing(path) / "config.yaml"), config))
    for key in [*here, *there]:
        if there.get(key) != here.get(key):
            raise UsageError(
                f"train.start: in {str(path)!r} {key} is {there.get(key)!r}, here it is {here.get(key)!r}. "
                "An encoder goes on with the synth, the encoder's options and the coordinates that it was trained with: "
                "give the same here, or choose another run."
            )


def keep(source: Path, path: Path) -> None:
    """The weights that the run in `source` started from, for the one in `path` to start from."""
    with atomic(path / KEPT / folder.ENCODER) as temporary:
        temporary.write_bytes((source / KEPT / folder.ENCODER).read_bytes())


def _run(config: Config, start: str) -> Path:
    return Path(start.replace("{seed}", str(config.seed)))


def _heard(config: Config) -> dict[str, object]:
    given = config.as_dict()
    return flat({"parts": {kind: given["parts"].get(kind) for kind in HEARD[:2]}, **{kind: given[kind] for kind in HEARD}})


def encoder(parts: Parts, path: Path) -> Encoder:
    """The encoder that the run in the folder `path` starts from; of another run's weights it keeps a copy, and needs that run no more."""
    fresh, start, copy = parts.encoder(), parts.config.train.start, path / KEPT
    if start is None:
        return fresh
    if load_tensors(copy / folder.ENCODER) is None:
        progress.log.info("Reading the encoder of %s", _run(parts.config, start))
        folder.save_encoder(copy, folder.load_encoder(folder.existing(_run(parts.config, start)), fresh))
    return folder.load_encoder(copy, fresh)
