"""The multi-scale spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from invsound import Feature, Signal, check_bounds, option


@dataclass
class MSSOptions:
    """Options of the multi-scale spectrogram.

    n_fft: window lengths, samples
    hop_ratio: hop between windows, as a fraction of their length
    log: compress magnitudes, log1p(1000 S)
    """

    n_fft: list[int] = option([2048, 1024, 512, 256, 128, 64], low=2, high=2**20, unit="samples")
    hop_ratio: float = option(0.25, above=0, high=1)
    log: bool = False

    def __post_init__(self) -> None:
        self.n_fft = list(self.n_fft)
        check_bounds(self)
        if not self.n_fft:
            raise ValueError(f"n_fft is a list of window lengths, got {self.n_fft}")


class MSS(Feature):
    """Hann STFT magnitudes at several window lengths n, flattened: x [B, N] → S [B, D], D = Σ_n (n/2 + 1)(1 + N // hop).

    Frame j is centred at sample j · hop; the sound is zero beyond its ends. A window is scaled to w / √(½ n Σw² / hop), so that
    at hops small enough ‖S_n‖₂ ≈ ‖x‖₂ whatever n (Hann windows at n/4 are a tight frame). Where S = 0 its derivative is taken as 0.

    Source: the magnitudes of Engel et al., DDSP: Differentiable Digital Signal Processing, ICLR 2020.
    """

    Options = MSSOptions

    def __init__(self, signal: Signal, options: MSSOptions) -> None:
        super().__init__(signal, options)
        self.hops = [max(1, round(options.hop_ratio * n)) for n in options.n_fft]
        self.num_paths = len(self.hops)
        for n, hop in zip(options.n_fft, self.hops, strict=True):
            w = torch.hann_window(n, dtype=torch.float64)
            self.register_buffer(f"window{n}", w / (n * (w**2).sum() / hop / 2).sqrt(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.path(x, k) for k in range(self.num_paths)], 1)

    def path(self, x: Tensor, k: int) -> Tensor:
        """S of one window length."""
        if not len(x):  # which an FFT refuses
            return self.path(x.new_zeros(1, x.shape[-1]), k)[:0]
        S = self._magnitudes(x, self.options.n_fft[k], self.hops[k]).flatten(1)
        return torch.log1p(1e3 * S) if self.options.log else S

    def _magnitudes(self, x: Tensor, n: int, hop: int) -> Tensor:
        """[B, N] → [B, 1 + N // hop, 1 + n // 2]."""
        frames = nn.functional.pad(x, (n // 2, n - n // 2)).unfold(-1, n, hop)[:, : 1 + x.shape[-1] // hop]
        window: Tensor = self.get_buffer(f"window{n}").to(x.dtype)
        z = torch.fft.rfft(frames * window)
        # the derivative z / |z| is NaN where z is denormal
        audible = (z.real.abs() + z.imag.abs()).detach() > torch.finfo(x.dtype).tiny ** 0.5
        magnitude: Tensor = torch.where(audible, z, torch.zeros_like(z)).abs()
        return magnitude
