"""The mel spectrogram and its onset envelope."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from invsound import Feature, Signal
from torch import Tensor, nn


@dataclass
class LogMelOnsetOptions:
    """Options of the log-mel spectrogram with onset envelope.

    window: length of the Hann windows, samples
    hop: samples between windows
    bands: mel bands between 0 Hz and Nyquist
    range: dynamic range below a full-scale sine, dB
    onset: weight of the onset envelope; 0 leaves the spectrogram alone
    """

    window: int = 1024
    hop: int = 256
    bands: int = 40
    range: float = 60.0
    onset: float = 1.0

    def __post_init__(self) -> None:
        if self.window < 2 or self.hop < 1 or self.bands < 1:
            raise ValueError(f"needs window ≥ 2, hop ≥ 1, bands ≥ 1, got {self.window}, {self.hop}, {self.bands}")
        if not 0 < self.range <= 120:
            raise ValueError(f"range is a level between 0 and 120 dB, got {self.range}")
        if not self.onset >= 0:
            raise ValueError(f"onset is a weight of 0 or more, got {self.onset}")


class LogMelOnset(Feature):
    """S = (L, onset · o): x [B, N] → [B, (bands + 1) (1 + N // hop)].

    L[j, b] = log(1 + 10^(range/10) E[j, b]) is the log power of mel band b in frame j, and

        o[j] = √bands · mean_b max(0, L[j, b] − L[j − 1, b])

    the onset strength: how much louder the bands have become since the frame before; L[−1] is silence. Frames are centred on
    multiples of the hop, and the sound is zero beyond its ends. L is smooth, powers have derivatives on silence too.

    Source: mel scale, Stevens, Volkmann & Newman 1937; onset strength, Böck & Widmer, Maximum filter vibrato suppression
    for onset detection, DAFx 2013, without the maximum filter.
    """

    Options = LogMelOnsetOptions
    taper: Tensor
    mel: Tensor

    def __init__(self, signal: Signal, options: LogMelOnsetOptions) -> None:
        super().__init__(signal, options)
        taper = torch.hann_window(options.window)
        self.register_buffer("taper", taper * 2 / taper.sum(), persistent=False)
        self.register_buffer("mel", mel_bands(signal.sample_rate, options.window, options.bands), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, N] → S [B, D]."""
        L = self.log_mel(x)
        rise = (L - nn.functional.pad(L, (0, 0, 1, 0))[:, :-1]).clamp(min=0)
        return torch.cat([L.flatten(1), self.options.onset * self.options.bands**0.5 * rise.mean(-1)], 1)

    def log_mel(self, x: Tensor) -> Tensor:
        """x [B, N] → L [B, 1 + N // hop, bands]."""
        window, hop = self.options.window, self.options.hop
        frames = nn.functional.pad(x, (window // 2, window)).unfold(-1, window, hop)[:, : 1 + x.shape[-1] // hop]
        X = torch.fft.rfft(frames * self.taper.to(x.dtype))
        E = (X.real**2 + X.imag**2) @ self.mel.to(x.dtype)
        return torch.log1p(10 ** (self.options.range / 10) * E)


def mel_bands(sample_rate: float, window: int, bands: int) -> Tensor:
    """Weights [window // 2 + 1, bands] of each frequency in each band: triangles, half overlapping, on the mel scale.

    Where bands are closer than frequencies, a triangle is as wide as their distance, so that no band is deaf.
    """
    mel = 2595 * torch.log10(1 + torch.fft.rfftfreq(window, 1 / sample_rate) / 700)
    centres = torch.linspace(0, float(mel[-1]), bands + 2)[1:-1]
    nearest = torch.searchsorted(mel, centres).clamp(max=len(mel) - 1)
    width = torch.maximum(centres[0].expand(bands), mel[nearest] - mel[nearest - 1])
    return (1 - (mel[:, None] - centres).abs() / width).clamp(min=0)
