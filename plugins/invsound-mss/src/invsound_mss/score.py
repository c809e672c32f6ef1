"""The multi-resolution STFT distance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from invsound import Score, Signal, check_bounds, option


@dataclass
class MultiResolutionSTFTOptions:
    """Options of the multi-resolution STFT distance; the three lists are read together.

    n_fft: FFT sizes, samples
    hop: hops between windows, samples
    window: Hann window lengths, samples
    """

    n_fft: list[int] = option([1024, 2048, 512], low=1, high=2**20, unit="samples")
    hop: list[int] = option([120, 240, 50], low=1, high=2**20, unit="samples")
    window: list[int] = option([600, 1200, 240], low=1, high=2**20, unit="samples")

    def __post_init__(self) -> None:
        self.n_fft, self.hop, self.window = list(self.n_fft), list(self.hop), list(self.window)
        if not len(self.n_fft) == len(self.hop) == len(self.window) > 0:
            raise ValueError(f"n_fft, hop and window need one entry per resolution, got {self.n_fft}, {self.hop} and {self.window}")
        check_bounds(self)
        if any(w > n for w, n in zip(self.window, self.n_fft, strict=True)):
            raise ValueError(f"a window is 1 to n_fft samples, got {self.n_fft} and {self.window}")


class MultiResolutionSTFT(Score):
    """mean over resolutions of ‖Y − Ŷ‖₂ / ‖Y‖₂ + mean |log Y − log Ŷ|, per example; Y, Ŷ are STFT magnitudes of x and x̂, at least 1e-4.

    The floor keeps every term finite on silence. Sounds are reflected at their ends, and extended by zeros to n_fft/2 + 1 samples
    if shorter. auraloss.freq.MultiResolutionSTFTLoss gives the same value for a batch of one; for more, it takes one norm of all.

    Source: Yamamoto et al., Parallel WaveGAN, ICASSP 2020; defaults of Steinmetz & Reiss, auraloss, DMRN+15, 2020.
    """

    Options = MultiResolutionSTFTOptions

    def __init__(self, signal: Signal, options: MultiResolutionSTFTOptions) -> None:
        super().__init__(signal, options)
        self.resolutions = list(zip(options.n_fft, options.hop, options.window, strict=True))
        for _, _, window in self.resolutions:
            self.register_buffer(f"window{window}", torch.hann_window(window, dtype=torch.float64), persistent=False)

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        if not len(x):
            return x.new_empty(0)
        return torch.stack([self._distance(x_hat, x, *resolution) for resolution in self.resolutions]).mean(0)

    def _distance(self, x_hat: Tensor, x: Tensor, n_fft: int, hop: int, window: int) -> Tensor:
        Y_hat, Y = self._magnitudes(x_hat, n_fft, hop, window), self._magnitudes(x, n_fft, hop, window)
        convergence = (Y - Y_hat).norm(dim=1) / Y.norm(dim=1)
        return convergence + (Y.log() - Y_hat.log()).abs().mean(1)

    def _magnitudes(self, x: Tensor, n_fft: int, hop: int, window: int) -> Tensor:
        x = nn.functional.pad(x, (0, max(0, n_fft // 2 + 1 - x.shape[-1])))
        w = self.get_buffer(f"window{window}").to(x.dtype)
        X = torch.stft(x, n_fft, hop, window, w, center=True, pad_mode="reflect", return_complex=True)
        return (X.real**2 + X.imag**2).clamp(min=1e-8).sqrt().flatten(1)
