"""Parts that are given as classes or as ready objects, where a name is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..encoder import Encoder
from ..errors import UsageError
from ..feature import Feature
from ..hooks import options, registry
from ..hooks.objects import check_importable, short
from ..loss import Loss
from ..score import Score
from ..solver import Solver
from ..synth import Synth
from . import config as configs
from .config import PARTS, Config

AnySynth = str | type[Synth] | Synth
AnyFeature = str | type[Feature] | Feature
AnyLoss = str | type[Loss]
AnyOptimizer = str | type[torch.optim.Optimizer]
AnyEncoder = str | type[Encoder]
AnySolver = str | type[Solver] | Solver
AnyScore = str | type[Score]
BASES: dict[str, type] = {
    "synth": Synth, "feature": Feature, "loss": Loss, "optimizer": torch.optim.Optimizer, "encoder": Encoder, "solver": Solver,
    "score": Score,
}  # fmt: skip
READY = {"synth": (), "feature": ("signal",), "solver": ()}
"""Kinds that may be given ready, and what these were built from besides their options."""


def layer(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a run: kind → name under "parts", and the options of ready objects; what is None is left out.

    Raises UsageError for what is no part of its kind, and for an object that is not what its class makes of its options.
    """
    found: dict[str, Any] = {"parts": {}}
    for kind, part in given.items():
        if part is not None:
            found["parts"][kind] = name(kind, part)
            if not isinstance(part, (str, type)):
                found[kind] = options.as_dict(part.options)
    return found


def name(kind: str, part: Any) -> str:
    """What a part is called: its name, or that of its class."""
    if isinstance(part, str):
        return part
    base = BASES[kind]
    if isinstance(part, type) and issubclass(part, base):
        return registry.take(kind, part)
    wanted = f"{kind} takes the name of a part, or a class derived from {base.__module__.partition('.')[0]}.{base.__name__}"
    if not isinstance(part, base):
        raise UsageError(f"{wanted}, got {part!r}.")
    if kind not in READY:
        raise UsageError(f"{wanted}, got an object: it is built anew for each run. Give its class.")
    _check_unchanged(kind, part)
    return registry.take(kind, part)


def _check_unchanged(kind: str, part: Any) -> None:
    """Raise UsageError for an object that another, made by the same class of the same options, would not be: a run must be repeatable."""
    cls = type(part)
    made = cls(*(getattr(part, key) for key in READY[kind]), part.options)
    same = kind != "synth" or (part.signal, list(part.space)) == (made.signal, list(made.space))
    if not same or (isinstance(part, nn.Module) and not _equal(part.state_dict(), made.state_dict())):
        raise UsageError(
            f"The {kind} {cls.__name__} is not what its class makes of its options: it was changed after it was made, and a run with it "
            "could not be repeated. Make the change an option."
        )


def _equal(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key].cpu(), b[key].cpu()) for key in a)


def scores(parts: Sequence[Any] | None) -> dict[str, Any]:
    """Options of a run: the scores to report."""
    return {} if parts is None else {"evaluate": {"scores": [name("score", part) for part in parts]}}


def load(path: Path, again: Mapping[str, Any]) -> Config:
    """The Config in the folder of a run whose classes, if it has any, are given `again`, by kind; under "scores" a list.

    Raises UsageError for a class that the run did not have, or that has changed since.
    """
    again = {kind: part for kind, part in again.items() if part is not None}
    if unknown := again.keys() - {*PARTS, "scores"}:
        raise UsageError(f"A run has no {', '.join(sorted(unknown))}. Parts: {', '.join(PARTS)}, scores.")
    taken = [("score", name("score", part)) for part in again.pop("scores", ())]
    taken += [(kind, name(kind, part)) for kind, part in again.items()]
    config = configs.load(path)
    for kind, part in taken:
        if (kind, part) not in named(config):
            raise UsageError(f"The run {str(path.parent)!r} has no {kind} {short(part)}: it goes on with the parts that it began with.")
    return config


def check_workers(config: Config, workers: bool) -> None:
    """Raise UsageError for a class that worker processes cannot import, if there are to be any."""
    if workers:
        for kind, part in named(config):
            check_importable(kind, part)


def named(config: Config) -> list[tuple[str, str]]:
    """Kind and name of every part that a run names."""
    pretrain, heard = config.train.pretrain.loss, config.evaluate.scores or []
    return [*config.parts.items(), *([("loss", pretrain)] if pretrain else []), *(("score", score) for score in heard)]
