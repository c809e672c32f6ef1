"""One prepared column at some sounds: what a worker computes."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from ..encoder import prepared
from ..feature import Feature, represented
from ..hooks.culprit import ask
from ..hooks.registry import named
from ..loss import Loss
from ..problem import Problem, finite
from ..runs.parts import Parts
from .augment import at_peak, augmented, retaken

RECORDED = "recorded:"
"""Before the name of a column that is computed of x and not of ν."""


def column_of(parts: Parts, column: str, nu: Tensor, seeds: tuple[int, ...] = ()) -> Tensor:
    """Compute a column at ν [B, P]: the encoder's inputs, the loss's side, or Φ(x) or R of a score's representation.

    With a nuisance it is computed sound by sound: whatever a part renders around ν has the sound's seed. Of what is RECORDED ν is x [B, N].
    """
    if column.startswith(RECORDED):
        return _of_recorded(parts, column.removeprefix(RECORDED), nu, seeds)
    if not (seeds and parts.synth.nuisance):
        return _computed(parts, column, nu, seeds)
    return torch.cat([_at(seed, parts, column, row) for row, seed in zip(nu.split(1), seeds, strict=True)])


def _computed(parts: Parts, column: str, nu: Tensor, seeds: tuple[int, ...]) -> Tensor:
    space = parts.synth.space
    with torch.no_grad():
        if column in ("inputs", "augmented"):
            x = finite(parts.render(nu), named(parts.synth), space, nu)
            return finite(_inputs(parts, column, x, seeds), f"{named(parts.front_end)} in prepare", space, nu)
        if column in ("side", "pretrain"):
            loss = _loss(parts, column)
            side = ask(loss, loss.prepare, parts.learned(nu), shape=(len(nu), ...), precision=False)
            return finite(side, f"{named(loss)} in prepare", space, nu)
        if column == "features":  # of candidates of a search
            with parts.synth.tolerating():
                return finite(parts.problem(nu), named(parts.problem.feature), space, nu)
        kind, _, name = column.partition(":")
        problem = Problem(parts.synth, _feature(parts, column), parts.config.problem)
        return finite(problem(nu), f"The score {name!r}", space, nu) if kind == "heard" else problem.metric_factor(nu)


def _inputs(parts: Parts, column: str, x: Tensor, seeds: tuple[int, ...]) -> Tensor:
    if column == "augmented":
        rate, effects = parts.synth.signal.sample_rate, parts.config.data.augment
        x = torch.stack([at_peak(augmented(row, rate, effects, seed), parts.synth.peak) for row, seed in zip(x, seeds, strict=True)])
    return prepared(parts.front_end, x)


def ended(x: Tensor) -> tuple[Tensor, Tensor]:
    """Recordings x [B, N], NaN where nothing was recorded → with zeros there, and where that begins [B]; N where it does not."""
    return x.nan_to_num(0), (~x.isnan()).sum(1)


@torch.no_grad()
def _of_recorded(parts: Parts, column: str, x: Tensor, seeds: tuple[int, ...]) -> Tensor:
    """`column_of` for recordings x [B, N] themselves, NaN where nothing was recorded."""
    effects = parts.config.data.augment if column in ("augmented", "side", "pretrain") else []
    rate, peak, (x, end) = parts.synth.signal.sample_rate, parts.synth.peak, ended(x)
    takes = zip(x, end.tolist(), seeds or [0] * len(x), strict=True)
    heard, sounds, ends = zip(*(retaken(row, at, rate, peak, effects, seed) for row, at, seed in takes), strict=True)
    if column in ("inputs", "augmented"):
        return finite(prepared(parts.front_end, torch.stack(heard)), f"{named(parts.front_end)} in prepare, of recordings,")
    if column in ("side", "pretrain"):
        loss, end = _loss(parts, column), torch.tensor(ends, device=x.device)
        side = ask(loss, loss.prepare_recorded, torch.stack(sounds), end, shape=(len(x), ...), precision=False)
        return finite(side, f"{named(loss)} in prepare_recorded")
    return finite(represented(_feature(parts, column), torch.stack(sounds)), f"{named(_feature(parts, column))}, of recordings,")


def _loss(parts: Parts, column: str) -> Loss:
    return parts.loss if column == "side" else cast(Loss, parts.pretrain)


def _feature(parts: Parts, column: str) -> Feature:
    return cast(Feature, parts.scores[column.partition(":")[2]].feature)


def _at(seed: int, parts: Parts, column: str, nu: Tensor) -> Tensor:
    with parts.synth.at(seed):
        return _computed(parts, column, nu, (seed,))
