"""The perceptual representation Φ : x → S."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from .signal import Signal


class Feature(nn.Module, ABC):
    """A perceptual representation Φ, built as `Feature(signal, options)` with an instance of its `Options` dataclass.

    Laws: row i of the output depends on row i of `x` only; device and dtype follow `x`; no NaN leaves it, nor its
    derivatives, on silence included; differentiable in reverse mode and under `torch.func` (`jvp`, `jacfwd`, `vmap`).
    """

    Options: ClassVar[type]

    def __init__(self, signal: Signal, options: Any) -> None:
        super().__init__()
        self.signal, self.options = signal, options

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Audio x [B, N] → S [B, D]."""
