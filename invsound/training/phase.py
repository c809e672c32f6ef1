"""A phase of training."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..loss import Loss


@dataclass(frozen=True)
class Phase:
    """Epochs `since` + 1 to `until`, with one loss and the column that it has prepared."""

    loss: Loss
    column: str
    since: int
    until: int

    def cosine(self, epoch: int) -> float:
        """1 in the first epoch, and along half a cosine to 0 after the last."""
        return (1 + math.cos(math.pi * (epoch - 1 - self.since) / (self.until - self.since))) / 2
