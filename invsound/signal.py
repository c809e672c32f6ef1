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
