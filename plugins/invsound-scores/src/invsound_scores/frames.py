"""Frames: a sound in windows, and their spectra."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from invsound import Signal


class Frames(nn.Module):
    """x [B, N] → frames [B, F, n] of n = ⌊window⌋ samples every ⌊hop⌋, both given in ms; neither is less than one sample.

    Frame j is centred on sample j · hop, where the sound is zero beyond its ends; frames that pass N + ⌊n/2⌋ are left out:
    F = 1 + (N + 2⌊n/2⌋ − n) // hop, which is 1 + N // hop for even n. These are librosa's frames for `center=True`.
    """

    def __init__(self, signal: Signal, window: float, hop: float) -> None:
        super().__init__()
        self.size, self.hop = (max(1, int(signal.sample_rate * ms / 1000)) for ms in (window, hop))
        self.count = 1 + (signal.num_samples + 2 * (self.size // 2) - self.size) // self.hop

    def forward(self, x: Tensor) -> Tensor:
        half = self.size // 2
        return nn.functional.pad(x, (half, half)).unfold(-1, self.size, self.hop)


class Spectrogram(Frames):
    """x [B, N] → X [B, F, 1 + n // 2], complex: the discrete Fourier transform of each frame times a periodic Hann window, not scaled."""

    window: Tensor

    def __init__(self, signal: Signal, window: float, hop: float) -> None:
        super().__init__(signal, window, hop)
        self.bins = 1 + self.size // 2
        self.register_buffer("window", torch.hann_window(self.size, dtype=torch.float64), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not len(x):  # which an FFT refuses
            return self.forward(x.new_zeros(1, x.shape[-1]))[:0]
        X: Tensor = torch.fft.rfft(super().forward(x) * self.window.to(x.dtype))
        return X
