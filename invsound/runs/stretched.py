"""An encoder for coordinates that are not rescaled to [−1, 1]."""

from __future__ import annotations

from torch import Tensor

from ..encoder import Encoder
from ..space import Space


class Stretched(Encoder):
    """Another encoder, its [−1, 1] stretched to the bounds of ν: what it says is always a sound that the synth can make."""

    def __init__(self, encoder: Encoder, space: Space) -> None:
        super().__init__(encoder.signal, encoder.num_outputs, encoder.options)
        self.encoder, self.learned = encoder, space

    def prepare(self, x: Tensor) -> Tensor:
        return self.encoder.prepare(x)

    def forward(self, inputs: Tensor) -> Tensor:
        u: Tensor = self.encoder(inputs)
        low, high = self.learned.bounds(u)
        return low + (u + 1) / 2 * (high - low)
