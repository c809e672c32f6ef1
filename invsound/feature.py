"""The perceptual representation Φ : x → S."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from .hooks.culprit import ask
from .signal import Signal


class Feature(nn.Module, ABC):
    """A perceptual representation Φ, built as `Feature(signal, options)` with an instance of its `Options` dataclass.

    Laws: row i of the output depends on row i of `x` only; device and dtype follow `x`; no NaN leaves it, nor its
    derivatives, on silence included; differentiable in reverse mode and under `torch.func` (`jvp`, `jacfwd`, `vmap`).
    """

    Options: ClassVar[type]
    num_paths: int = 1
    """How many parts of S, one after the other, `path` computes alone."""

    def __init__(self, signal: Signal, options: Any) -> None:
        super().__init__()
        self.signal, self.options = signal, options

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Audio x [B, N] → S [B, D]."""

    def path(self, x: Tensor, k: int) -> Tensor:
        """Part k of S alone, for less than the whole costs: audio x [B, N] → [B, D_k]; side by side all parts are S."""
        return self(x)  # type: ignore[no-any-return]


def represented(feature: Feature, x: Tensor) -> Tensor:
    """Φ(x) [B, D] of x [B, N]. Raises InvsoundError naming the feature where that is not what it gives."""
    return ask(feature, feature, x, shape=(len(x), None))
