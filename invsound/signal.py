"""The shape of the audio that one problem is about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Signal:
    """Mono audio of a fixed length: `sample_rate` in Hz, `num_samples` N."""

    sample_rate: float
    num_samples: int

    def __post_init__(self) -> None:
        if not self.sample_rate > 0 or not self.num_samples >= 1:
            raise ValueError(f"a signal needs sample_rate > 0 Hz and num_samples ≥ 1, got {self.sample_rate} Hz, {self.num_samples}")

    @property
    def duration(self) -> float:
        """Duration in seconds."""
        return self.num_samples / self.sample_rate
