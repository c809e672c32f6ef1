"""The synthesizer g : θ → x."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from torch import Tensor, nn

from .errors import InvsoundError
from .hooks.culprit import ask
from .hooks.registry import named
from .signal import Signal
from .space import Space
from .system.rng import derive


class Synth(nn.Module, ABC):
    """A synthesizer g, built as `Synth(options)` with an instance of its `Options` dataclass.

    A subclass sets `space` and `signal` in its constructor. Laws: row i of `forward(theta)` depends on row i of `theta`
    only; device and dtype follow `theta`; constants are buffers; the output is finite everywhere inside `space`;
    `forward` is differentiable in reverse mode and under `torch.func`, unless `differentiable = False`; the same θ, and seed where there
    is a `nuisance`, give the same bits.
    """

    Options: ClassVar[type]
    differentiable: ClassVar[bool] = True
    """Whether `forward` may be differentiated; if not, Jacobians are finite differences, and losses that need gradients say so."""
    peak: ClassVar[float | None] = 1.0
    """The peak that recordings are scaled to before they are compared; None keeps their gain, where gain is a parameter."""
    nuisance: ClassVar[bool] = False
    """Whether something in a sound is random and not asked for: `forward` draws it from `seeds(theta)`, one for each sound."""
    seed: int | Sequence[int] | None = None
    """Of a synth with a nuisance, the seed of all sounds, or of each; None: each sound's own is drawn from its parameters."""
    tolerant: bool = False
    """Whether a sound that a renderer from outside cannot make is silence, and said: while it is searched for another."""
    lead: float = 0.0
    """Seconds of a recording that are kept before its onset: 0 where sounds begin at their first sample."""
    preset_suffix: ClassVar[str] = ""
    """The suffix of the files in which the instrument itself keeps its sounds, such as .syx; empty if `preset_file` writes none."""
    space: Space
    signal: Signal

    def __init__(self, options: Any) -> None:
        super().__init__()
        self.options = options

    @abstractmethod
    def forward(self, theta: Tensor) -> Tensor:
        """θ [B, P] in the units of `space` → audio x [B, N]."""

    def seeds(self, theta: Tensor) -> list[int]:
        """The seed of each sound of θ [B, P], for a `torch.Generator` or any other.

        Raises InvsoundError where there are not as many as sounds, or `nuisance` is not declared.
        """
        if not self.nuisance:
            raise InvsoundError(f"{named(self)} asks for seeds without a nuisance. Declare it: nuisance = True in {type(self).__name__}.")
        if self.seed is None:
            return [derive(0, "nuisance", *row) for row in theta.detach().float().tolist()]
        seeds = [self.seed] * len(theta) if isinstance(self.seed, int) else list(self.seed)
        if len(seeds) != len(theta):
            raise InvsoundError(f"{named(self)} has {len(seeds)} seeds for {len(theta)} sounds: give one for each, or one for all.")
        return seeds

    @contextmanager
    def at(self, seed: int | Sequence[int] | None) -> Iterator[None]:
        """Inside the block sounds are those of a seed, or of one each: `with synth.at(3): x = synth(theta)`."""
        before, self.seed = self.seed, seed
        try:
            yield
        finally:
            self.seed = before

    @contextmanager
    def tolerating(self, failures: bool = True) -> Iterator[None]:
        """Inside the block a sound that cannot be made is silence, if it comes from outside."""
        before, self.tolerant = self.tolerant, failures
        try:
            yield
        finally:
            self.tolerant = before

    def guess(self, x: Tensor) -> Tensor:
        """Analysis by synthesis's author: sound x [n] → candidate ν₀ [K, W], K may be 0 (the default).

        n < N where a recording ends before its sound does.
        """
        return x.new_empty(0, self.space.width)

    def published(self) -> tuple[Tensor, list[str]] | None:
        """The published table of parameters: θ [n, P] in float64 and each row's fold (train, val or test); None if there is none."""
        return None

    def preset_file(self, values: Mapping[str, float | int | str], name: str) -> bytes:
        """name → value of every parameter → such a file, for a sound of this name, any text; what is fixed is in it too."""
        raise InvsoundError(f"{named(self)} has no presets of its own.")


def stated(synth: Synth) -> Synth:
    """The synth itself; raises InvsoundError naming it if it states no space of one parameter or more, or no signal."""
    for attribute, cls in (("space", Space), ("signal", Signal)):
        if not isinstance(value := getattr(synth, attribute, None), cls):
            raise InvsoundError(f"{named(synth)} states no {attribute}: it is {value!r}, no invsound.{cls.__name__}.")
    if not len(synth.space):
        raise InvsoundError(f"{named(synth)} has no parameter in its space, so that there is nothing to find.")
    return synth


def sound(synth: Synth, theta: Tensor) -> Tensor:
    """g(θ) [B, N] of θ [B, P]. Raises InvsoundError naming the synth where that is not what it gives."""
    return ask(synth, synth, theta, shape=(len(theta), synth.signal.num_samples))
