"""The JTFS distance between two sounds."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from invsound import Score, Signal

from .jtfs import JTFS, JTFSOptions


class JTFSDistance(Score):
    """‖Φ(x̂) − Φ(x)‖₂ with Φ the joint time–frequency scattering transform, from audio [B, N] twice to [B].

    For a signal shorter than 2**J samples, J is the largest that fits.
    """

    Options = JTFSOptions
    check_options: ClassVar[dict[str, object]] = JTFS.check_options

    def __init__(self, signal: Signal, options: JTFSOptions) -> None:
        options = replace(options, J=min(options.J, signal.num_samples.bit_length() - 1))
        super().__init__(signal, options)
        self.feature = JTFS(signal, options)

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        distance: Tensor = torch.linalg.vector_norm(self.feature(x_hat) - self.feature(x), dim=1)
        return distance
