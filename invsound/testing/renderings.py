"""Laws of renderings: a sound depends on its parameters alone, and most of them make sounds that are heard and differ."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from ..hooks import registry
from ..outside.calling import call
from ..synth import Synth
from .law import hold, law
from .subject import Subject, apart

SOUNDS = 32
SILENCE = 1e-6
"""Of a sound that nobody hears, the largest sample, as a fraction of the largest of all sounds."""


def _agree(subject: Subject, x: Tensor, y: Tensor, what: str) -> None:
    """Exactly, unless torch adds in another order."""
    difference = apart(x, y)
    hold(difference < 1e-9 and (difference == 0 or subject.cls.differentiable), f"{what} differ by {difference:.1e} of the largest value")


@law("synth", mend="begin every sound anew: reset phases, tails, voices and random seeds of the host or the program before it.")
def same_sound_in_any_order(subject: Subject) -> None:
    """The same parameters make the same sound alone, in a batch, in any order, and after other sounds."""
    synth, theta = subject.instance, subject.rows(4)
    with torch.no_grad():
        x = synth(theta)
        _agree(subject, synth(theta.flip(0)).flip(0), x, "4 random sounds in one order and in the other")
        _agree(subject, torch.cat([synth(row[None]) for row in theta]), x, "4 random sounds together and one by one")
        _agree(subject, synth(theta[:1].expand(5, -1)), x[:1].expand(5, -1), "A random sound and itself, five times in a batch,")


@law("synth", mend="let nothing but the options and the parameters matter: no clock, no process number, no order of a set, no cache.")
def same_sound_in_any_process(subject: Subject) -> None:
    """The same parameters make the same sound in another process."""
    theta = subject.rows(2)
    with torch.no_grad():
        x = subject.instance(theta)
    given = subject.offer.distribution, subject.offer.part.name, dict(subject.options), theta.tolist(), subject.instance.nuisance
    _agree(subject, torch.tensor(call(elsewhere, *given), dtype=x.dtype), x, "2 random sounds here and in another process")


def elsewhere(distribution: str, name: str, options: dict[str, Any], theta: list[list[float]], nuisance: bool) -> Any:
    """The sounds of θ, made by a new instance."""
    synth = registry.build("synth", f"{distribution}:{name}", options).eval()
    with torch.no_grad(), synth.at(0) if nuisance else nullcontext():
        return synth(torch.tensor(theta, dtype=torch.float64)).tolist()


@law("synth", mend="narrow the ranges to what sounds, or fix the parameters that mute it; take out what changes nothing.")
def most_sounds_are_heard_and_differ(subject: Subject) -> str:
    """Over the declared ranges more than half of all sounds are heard, and more than half differ from all others."""
    with torch.no_grad():
        x = subject.instance(subject.rows(SOUNDS, torch.float32, seed=11))
    peaks = x.abs().amax(1)
    silent = int((peaks <= SILENCE * float(peaks.max())).sum())
    counts = x[peaks > SILENCE * float(peaks.max())].unique(dim=0, return_counts=True)[1]
    equal = int(counts[counts > 1].sum())
    found = f"Of {SOUNDS} random sounds {silent} are silent, {equal} equal to another"
    hold(max(silent, equal) <= SOUNDS // 2, found)
    return found


@law("synth", mend="draw row i from self.seeds(theta)[i] alone, by a generator of its own.")
def sound_of_its_seed(subject: Subject) -> str | None:
    """With a nuisance, a sound depends on its parameters and its seed alone, whatever the seeds of other sounds are."""
    synth, seeds = subject.instance, (7, 3, 7, 2**62)
    if not synth.nuisance:
        return "It has no nuisance"
    theta = subject.rows(2).repeat_interleave(2, 0)
    with torch.no_grad():
        x = at(synth, seeds, theta)
        _agree(
            subject, torch.cat([at(synth, seed, row[None]) for seed, row in zip(seeds, theta, strict=True)]), x, "Together and one by one"
        )
        _agree(subject, at(synth, seeds[::-1], theta.flip(0)).flip(0), x, "4 sounds of given seeds in one order and in the other")
    return None


@law("synth", mend="use the seeds that self.seeds(theta) gives, or leave nuisance = False.")
def a_nuisance_is_heard(subject: Subject) -> str | None:
    """With a nuisance, sounds of the same parameters and of other seeds differ, and where nobody gives seeds those of estimates do."""
    synth, theta = subject.instance, subject.rows(1)
    if not synth.nuisance:
        return "It has no nuisance"
    with torch.no_grad():
        distinct = len(at(synth, tuple(range(8)), theta.expand(8, -1)).unique(dim=0))
        hold(distinct > 4, f"Of the same parameters at 8 seeds there are {distinct} sounds")
        hold(apart(at(synth, None, theta), at(synth, 0, theta)) > 0, "Without a seed a sound is that of the seed 0")
    return None


def at(synth: Synth, seed: int | Sequence[int] | None, theta: Tensor) -> Tensor:
    """The sounds of θ at a seed, or one for each."""
    with synth.at(seed):
        x: Tensor = synth(theta)
    return x
