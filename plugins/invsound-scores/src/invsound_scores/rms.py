"""The distance between amplitude envelopes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invsound import Score, Signal, check_bounds, option

from .frames import Frames


@dataclass
class EnvelopeOptions:
    """Options of the envelope distance.

    window: length of the frames, ms
    hop: hop between them, ms
    """

    window: float = option(50.0, above=0, high=10_000, unit="ms")
    hop: float = option(25.0, above=0, high=10_000, unit="ms")

    def __post_init__(self) -> None:
        check_bounds(self)


class EnvelopeDistance(Score):
    """1 − cos(e, ê), from audio [B, N] twice to [B], within 0 and 1; e [F] is the root mean square of each frame.

    Papers print the cosine, of which more is better. It is computed as ½ ‖e/‖e‖ − ê/‖ê‖‖², which is zero between equals and exact
    between neighbours. Silence is a direction of its own: 0 from silence and 1 from any sound. Symmetric; deaf to the level.

    Source: "RMS" of Hayes, Saitis & Fazekas, ISMIR 2025, arXiv:2506.07199.
    """

    Options = EnvelopeOptions

    def __init__(self, signal: Signal, options: EnvelopeOptions) -> None:
        super().__init__(signal, options)
        self.frames = Frames(signal, options.window, options.hop)

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        return 0.5 * (self.direction(x_hat) - self.direction(x)).square().sum(1).to(x.dtype)

    def direction(self, x: Tensor) -> Tensor:
        """[B, N] → the unit vector along the envelope, [B, F + 1], float64; the last of them is for silence."""
        peak = x.double().abs().amax(1, keepdim=True)
        silent = peak == 0
        e = self.frames(x.double() / torch.where(silent, 1.0, peak)).square().mean(-1).sqrt()
        norm = e.norm(dim=1, keepdim=True)
        return torch.cat([e / norm.clamp(min=1e-300), (norm == 0).double()], 1)
