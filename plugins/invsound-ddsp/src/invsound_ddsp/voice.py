"""A harmonic-plus-noise voice: a note that can also listen."""

from __future__ import annotations

import torch
from torch import Tensor

from .listening import listen
from .note import Note, VoiceOptions


class Voice(Note):
    """A `Note`, found in recordings by `listening`."""

    Options = VoiceOptions

    @torch.no_grad()
    def guess(self, x: Tensor) -> Tensor:
        """ν₀ [K, P], K ≤ 4."""
        return listen(self, torch.nn.functional.pad(x, (0, self.signal.num_samples - len(x)))).to(x.dtype)
