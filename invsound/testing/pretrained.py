"""Laws of trained encoders: they are whole and small, hear better than nothing, and answer each sound for itself."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch

from ..audio.timbre import timbre
from ..errors import InvsoundError
from ..hooks import registry
from ..hooks.registry import Offer
from ..runs.folder import ENCODER
from ..trained import kept
from ..trained.trained import Trained
from .law import hold, law
from .subject import apart

LARGEST = 2**24
"""Bytes; a wheel is fetched by everybody who wants its synthesizer."""
SOUNDS = 24
ALIKE = 0.8
"""Of the distance in timbre of the middle of the range."""


class Kept:
    """A trained encoder under test."""

    def __init__(self, offer: Offer) -> None:
        self.offer, self.kind = offer, offer.kind
        self.folder = registry.load(offer)

    @property
    def label(self) -> str:
        return f"{self.kind} {self.offer.part.name}"

    @cached_property
    def trained(self) -> Trained:
        return Trained(self.folder, self.offer.part.name)

    @cached_property
    def nu(self) -> torch.Tensor:
        """ν [n, W], drawn uniformly, in the synth's coordinates."""
        space = self.trained.synth.space
        return space.at(torch.rand(SOUNDS, len(space), generator=torch.Generator().manual_seed(0), dtype=torch.float64))

    @cached_property
    def x(self) -> torch.Tensor:
        """The sounds [n, N] of these."""
        with torch.no_grad():
            return self.trained.parts.render(self.nu.float())

    @cached_property
    def theta(self) -> torch.Tensor:
        """The answers θ̂ [n, P]."""
        return self.trained.theta(self.x)


@law("pretrained", first=True, mend="let the target be a pathlib.Path of the folder that invsound export wrote, and pack all its files.")
def is_whole(subject: Kept) -> None:
    """The target is the path of a folder as `invsound export` writes it, with a card that is true to its synthesizer."""
    hold(isinstance(subject.folder, Path), f"The target is {subject.folder!r}, no pathlib.Path")
    missing = [name for name in (kept.MADE_OF, ENCODER, kept.CARD, kept.README) if not (subject.folder / name).is_file()]
    hold(not missing, f"{', '.join(missing)} is missing")
    try:
        known = list(subject.trained.card["parameters"])
    except InvsoundError as error:
        hold(False, str(error))
    names = list(subject.trained.synth.space.names)
    hold(known == names, f"Its card is of {', '.join(known)}, its synthesizer has {', '.join(names)}")


@law("pretrained", mend="train a smaller encoder.")
def is_small(subject: Kept) -> None:
    """All its files are at most 16 MiB."""
    size = sum(path.stat().st_size for path in subject.folder.rglob("*") if path.is_file())
    hold(size <= LARGEST, f"Its files are {size / 2**20:.0f} MiB")


@law("pretrained", mend="export a run whose training has got somewhere; look at its scores beside those of the training mean.")
def hears_better_than_nothing(subject: Kept) -> None:
    """On sounds of its synthesizer, drawn at random, its answers are nearer, on average, than the middle of the range: in ν, or, where many
    parameters make one sound, by a fifth in timbre."""
    space, parts = subject.trained.synth.space, subject.trained.parts
    answers, middle = space.to_nu(subject.theta), torch.zeros_like(subject.nu)
    missed, nothing = (float((nu - subject.nu).square().mean()) for nu in (answers, middle))
    with torch.no_grad():
        S, *others = (timbre(parts.render(nu.float()), parts.synth.signal.sample_rate) for nu in (subject.nu, answers, middle))
    unlike, silent = (float((other - S).norm(dim=1).mean()) for other in others)
    hold(
        missed < nothing or unlike < ALIKE * silent,
        f"The mean squared error in ν is {missed:.3g}, that of the middle of the range {nothing:.3g}; in timbre the mean distance is "
        f"{unlike:.3g}, and {silent:.3g} from the middle",
    )


@law("pretrained", mend="normalize by what was learned, not by the batch.")
def answers_each_sound_for_itself(subject: Kept) -> None:
    """The answer to a sound is the same, alone or among others."""
    alone = torch.cat([subject.trained.theta(x[None]) for x in subject.x[:4]])
    hold(apart(alone, subject.theta[:4]) < 1e-4, "A sound alone has another answer than among others")
