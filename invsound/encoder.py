"""The encoder f_W : x → ν̂."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from .hooks.culprit import ask
from .signal import Signal


class Encoder(nn.Module, ABC):
    """An encoder, built as `Encoder(signal, num_outputs, options)` with an instance of its `Options` dataclass."""

    Options: ClassVar[type]
    prepare_options: ClassVar[tuple[str, ...] | None] = None
    """Names of the options that `prepare` depends on, so that runs which differ in others share its column; None: all of them."""

    def __init__(self, signal: Signal, num_outputs: int, options: Any) -> None:
        super().__init__()
        self.signal, self.num_outputs, self.options = signal, num_outputs, options

    @abstractmethod
    def prepare(self, x: Tensor) -> Tensor:
        """The fixed front end, without weights: audio x [B, N] → inputs [B, …]; stored by the core."""

    @abstractmethod
    def forward(self, inputs: Tensor) -> Tensor:
        """inputs [B, …] → ν̂ [B, P] in [−1, 1]; in `eval()` row i depends on row i of the inputs only."""


def prepared(encoder: Encoder, x: Tensor) -> Tensor:
    """The encoder's inputs [B, …] of x [B, N]. Raises InvsoundError naming the encoder where that is not what it gives."""
    return ask(encoder, encoder.prepare, x, shape=(len(x), ...))


def guessed(encoder: Encoder, inputs: Tensor) -> Tensor:
    """ν̂ [B, P] of inputs [B, …]. Raises InvsoundError naming the encoder where that is not what it gives."""
    return ask(encoder, encoder, inputs, shape=(len(inputs), encoder.num_outputs))
