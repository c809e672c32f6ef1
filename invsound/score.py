"""A score: the distance between two sounds, reported after a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from .feature import Feature
from .signal import Signal

FOUND = 0.01
"""Of the distance between random sounds: what is nearer than that is the sound."""
MISSED = 0.5
"""Of the same: what is farther away says little about the sound."""


class Score(nn.Module, ABC):
    """A distance between sounds, built as `Score(signal, options)` with an instance of its `Options` dataclass.

    A score that is the Euclidean distance in a representation sets `feature`: the core then also reports its *micro*
    average, weighted by √(σ₁σ₂), the two largest eigenvalues of M = JᵀJ of that representation at the true parameters.
    """

    Options: ClassVar[type]
    feature: Feature | None

    def __init__(self, signal: Signal, options: Any) -> None:
        super().__init__()
        self.signal, self.options = signal, options
        self.feature = None

    @abstractmethod
    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Reconstruction x̂ [B, N] and target x [B, N] → distance [B] ≥ 0, finite on silence."""
