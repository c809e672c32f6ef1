"""The encoder f_W : x → ν̂."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .hooks.culprit import ask
from .signal import Signal
from .space import Space


class Encoder(nn.Module, ABC):
    """An encoder, built as `Encoder(signal, num_outputs, options)` with an instance of its `Options` dataclass."""

    Options: ClassVar[type]
    prepare_options: ClassVar[tuple[str, ...] | None] = None
    """Names of the options that `prepare` depends on, so that runs which differ in others share its column; None: all of them."""
    space: Space | None = None
    """Whose coordinates the outputs are; the core sets it."""

    def __init__(self, signal: Signal, num_outputs: int, options: Any) -> None:
        super().__init__()
        self.signal, self.num_outputs, self.options = signal, num_outputs, options

    @abstractmethod
    def prepare(self, x: Tensor) -> Tensor:
        """The fixed front end, without weights: audio x [B, N] → inputs [B, …]; stored by the core."""

    @abstractmethod
    def forward(self, inputs: Tensor) -> Tensor:
        """inputs [B, …] → ν̂ [B, W] in [−1, 1]; in `eval()` row i depends on row i of the inputs only."""

    def squash(self, raw: Tensor, logits: Tensor | None = None) -> Tensor:
        """ν̂ [B, W] of unbounded outputs: tanh(raw) of numbers; of a choice 2 softmax(logits) − 1, so that (ν̂ + 1)/2 are probabilities.

        `logits` [B, W] are `raw` if None.
        """
        blocks = [] if self.space is None else [self.space.slices[index] for index in self.space.choices]
        nu_hat = torch.tanh(raw)
        for block in blocks:
            odds = 2 * torch.softmax((raw if logits is None else logits)[:, block], 1) - 1
            nu_hat = torch.cat([nu_hat[:, : block.start], odds, nu_hat[:, block.stop :]], 1)
        return nu_hat


def prepared(encoder: Encoder, x: Tensor) -> Tensor:
    """The encoder's inputs [B, …] of x [B, N]. Raises InvsoundError naming the encoder where that is not what it gives."""
    return ask(encoder, encoder.prepare, x, shape=(len(x), ...))


def guessed(encoder: Encoder, inputs: Tensor) -> Tensor:
    """ν̂ [B, W] of inputs [B, …]. Raises InvsoundError naming the encoder where that is not what it gives."""
    return ask(encoder, encoder, inputs, shape=(len(inputs), encoder.num_outputs))
