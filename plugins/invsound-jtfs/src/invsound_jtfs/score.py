"""The JTFS distance between two sounds."""

from __future__ import annotations

import torch
from torch import Tensor

from invsound import Score, Signal

from .jtfs import JTFS, JTFSOptions


class JTFSDistance(Score):
    """‖Φ(x̂) − Φ(x)‖₂ with Φ the joint time–frequency scattering transform, from audio [B, N] twice to [B]."""

    Options = JTFSOptions

    def __init__(self, signal: Signal, options: JTFSOptions) -> None:
        super().__init__(signal, options)
        self.feature = JTFS(signal, options)

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        distance: Tensor = torch.linalg.vector_norm(self.feature(x_hat) - self.feature(x), dim=1)
        return distance
