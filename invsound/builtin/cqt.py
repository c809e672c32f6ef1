"""The constant-Q front end of the encoders: audio → log-compressed magnitudes on a musical frequency scale."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from ..signal import Signal

C1 = 440 * 2 ** (-45 / 12)
"""32.703 Hz, the lowest C of the piano."""

LOBES = 8
"""A Hann window's spectrum is kept up to its 8th side lobe on each side, 60 dB down."""


def quality(bins_per_octave: int) -> float:
    """Q = (r + 1) / (r − 1) with r = 2^(2 / bins_per_octave): a bin's bandwidth is half the distance between its two neighbours."""
    return 1 / math.tanh(math.log(2) / bins_per_octave)


def default_range(signal: Signal, Q: float, num_octaves: int | None, fmin: float | None) -> tuple[int, float]:
    """The number of octaves and the lowest centre frequency in Hz, where None.

    Octaves: ten from 16 kHz up, below it as many as fit between C1 = 32.7 Hz and Nyquist. They start at C1 if they end below Nyquist,
    else they end at 0.4 × the sample rate: the rule of Han et al. (2024), 8.61 Hz for ten octaves at 22,050 Hz, 32.7 Hz for six at
    8,192 Hz. Where neither was given, the lowest octaves whose windows, Q / f seconds, outlast the sound are left out; one stays.
    """
    nyquist = signal.sample_rate / 2
    if fmin is not None:
        return math.floor(math.log2(nyquist / fmin) + 1e-9) if num_octaves is None else num_octaves, fmin
    octaves = 10 if signal.sample_rate >= 16_000 else max(1, math.floor(math.log2(nyquist / C1)))
    octaves = octaves if num_octaves is None else num_octaves
    fmin = C1 if C1 * 2**octaves < nyquist else 0.8 * nyquist / 2**octaves
    while num_octaves is None and octaves > 1 and Q / fmin > signal.duration:
        octaves, fmin = octaves - 1, 2 * fmin
    return octaves, fmin


def smooth(size: int) -> int:
    """The first integer from `size` up whose prime factors are 2, 3 and 5 only: a fast length for an FFT."""
    return next(n for n in itertools.count(size) if 30 ** n.bit_length() % n == 0)


class LogCQT(nn.Module):
    """Audio x [B, N] → log1p(|CQT| / floor) [B, bins, frames]: bin k at fmin · 2^(k / bins_per_octave) Hz, frame j at sample j · hop.

    Each bin is a Hann window of L = sample_rate / (f / Q + gamma) samples, zero beyond the ends of the sound; with a bandwidth `gamma`
    [Hz] beside f / Q it is a variable-Q transform (Schörkhuber et al., AES Semantic Audio 2014). A sine of amplitude A at its
    centre gives |CQT| = ½ A √L, librosa.cqt's default scale. Bins: `num_octaves` octaves from `fmin` [Hz] (see `default_range`);
    frames: 1 + N // hop. Raises ValueError where the last octave passes Nyquist.

    One FFT of the whole sound is weighted by the window's spectrum, sinc(u) / (1 − u²) at u bandwidths from the centre;
    sampling every `hop` samples is then a sum of the blocks of M = (FFT size) / hop coefficients, and an inverse FFT of size M.
    """

    kernel: Tensor
    frequencies: Tensor

    def __init__(
        self, signal: Signal, bins_per_octave: int = 12, hop: int = 256, num_octaves: int | None = None, fmin: float | None = None,
        Q: float | None = None, gamma: float = 0.0, floor: float = 1e-3,
    ) -> None:  # fmt: skip
        super().__init__()
        if min(bins_per_octave, hop) < 1 or (fmin is not None and fmin <= 0):
            raise ValueError(f"the CQT needs bins_per_octave ≥ 1, hop ≥ 1 and fmin > 0 Hz, got {bins_per_octave}, {hop} and {fmin}")
        Q, nyquist = quality(bins_per_octave) if Q is None else Q, signal.sample_rate / 2
        num_octaves, fmin = default_range(signal, Q, num_octaves, fmin)
        if num_octaves < 1 or fmin * 2**num_octaves > nyquist * (1 + 1e-9):
            raise ValueError(f"the CQT needs an octave or more, up to {nyquist:g} Hz (Nyquist), got {num_octaves} octaves from {fmin:g} Hz")
        self.hop, self.num_frames, self.floor = hop, 1 + signal.num_samples // hop, floor
        f = fmin * 2 ** (torch.arange(num_octaves * bins_per_octave, dtype=torch.float64) / bins_per_octave)
        centre, width = f / signal.sample_rate, (f / Q + gamma) / signal.sample_rate  # cycles per sample
        self.M = smooth(math.ceil((signal.num_samples + 0.5 / float(width[0])) / hop))
        self.bands = self._bands(centre, width)
        kernels = [self._kernel(*one) for one in zip(centre.tolist(), width.tolist(), self.bands, strict=True)]
        self.register_buffer("kernel", torch.cat(kernels).float(), persistent=False)
        self.register_buffer("frequencies", f.float(), persistent=False)

    def _bands(self, centre: Tensor, width: Tensor) -> list[tuple[int, int]]:
        """The blocks of M coefficients, low to high − 1, that each bin spans; `centre` and `width` in cycles per sample."""
        low, high = (centre - LOBES * width).clamp(min=0) * self.hop, (centre + LOBES * width).clamp(max=0.5) * self.hop
        return list(zip(low.floor().int().tolist(), high.ceil().int().tolist(), strict=True))

    def _kernel(self, centre: float, width: float, band: tuple[int, int]) -> Tensor:
        coefficients = torch.arange(band[0] * self.M, band[1] * self.M, dtype=torch.float64)
        u = (coefficients / (self.M * self.hop) - centre) / width
        pole = (u.abs() - 1).abs() < 1e-6
        spectrum = torch.where(pole, 0.5, torch.sinc(u) / torch.where(pole, 1.0, 1 - u**2))
        return spectrum * math.sqrt(1 / width) / self.hop

    def forward(self, x: Tensor) -> Tensor:
        if not len(x):  # which an FFT refuses
            return self.forward(x.new_zeros(1, x.shape[-1]))[:0]
        X = torch.fft.rfft(x, self.M * self.hop)
        X = nn.functional.pad(X, (0, -X.shape[-1] % self.M)).unflatten(-1, (-1, self.M))
        kernels = self.kernel.to(x.dtype).split([(high - low) * self.M for low, high in self.bands])
        folded = [(X[:, low:high] * H.view(-1, self.M)).sum(1) for (low, high), H in zip(self.bands, kernels, strict=True)]
        magnitude = torch.fft.ifft(torch.stack(folded, 1))[..., : self.num_frames].abs()
        return torch.log1p(magnitude / self.floor)
