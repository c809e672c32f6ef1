"""The shape of the audio that one problem is about."""

from __future__ import annotations

from dataclasses import dataclass

from .hooks.bounds import check_bounds, option


@dataclass(frozen=True)
class Signal:
    """Mono audio of a fixed length: `sample_rate` in Hz, `num_samples` N."""

    sample_rate: float = option(above=0, high=10**6, unit="Hz")
    num_samples: int = option(low=1, high=2**24, unit="samples")

    def __post_init__(self) -> None:
        check_bounds(self)

    @property
    def duration(self) -> float:
        """Duration in seconds."""
        return self.num_samples / self.sample_rate


@dataclass
class SignalOptions:
    """The first two options of a synth, for its dataclass of options to inherit; defaults and narrower bounds are its own.

    sample_rate: sample rate, Hz
    num_samples: length N, samples
    """

    sample_rate: float = option(16000.0, above=0, high=10**6, unit="Hz")
    num_samples: int = option(16384, low=2, high=2**24, unit="samples")

    def __post_init__(self) -> None:
        check_bounds(self)

    @property
    def signal(self) -> Signal:
        """What the synth renders."""
        return Signal(self.sample_rate, self.num_samples)
