"""Chirps in a recording: straight lines in log-frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .chirp import LN2, phase

WINDOW = 1 / 32  # s
STEP = 1 / 48  # octave
LOWEST, HIGHEST = 8.5, 10.5  # log2 Hz at the centre of the sound
MARGIN = 0.5  # octave: how far a line is followed beyond


@dataclass(frozen=True)
class Sound:
    """A recording x [N] and its time t [N], s, counted from the centre of its loudest part."""

    x: Tensor
    t: Tensor


@dataclass(frozen=True)
class Lines:
    """The frequencies f 2^{γt}: f [K, 1] in Hz, γ [K, 1] in octave/s."""

    f: Tensor
    gamma: Tensor

    def phase(self, t: Tensor) -> Tensor:
        return phase(self.f, self.gamma, t)


def find(x: Tensor, sample_rate: float, count: int) -> tuple[Sound, Lines]:
    """The `count` lines along which the spectrogram holds most power (its Radon transform, at its highest local maxima)."""
    power, t = _spectrogram(x, sample_rate)
    weight = power.sum(1).square()
    centre = (weight * t).sum() / weight.sum()
    octave = torch.arange(LOWEST, HIGHEST, STEP, dtype=t.dtype, device=t.device)
    gamma = 2 ** torch.arange(-1.125, 2.126, 0.125, dtype=t.dtype, device=t.device)
    place = ((octave - LOWEST + MARGIN + gamma[:, None, None] * (t - centre)[:, None]) / STEP).round().long()  # [γ, T, octave]
    inside, place = (place >= 0) & (place < power.shape[1]), place.clamp(0, power.shape[1] - 1)
    score = torch.where(inside, power.expand(len(gamma), -1, -1).gather(2, place), 0).sum(1)
    peaks = torch.nn.functional.max_pool2d(score[None], (5, 9), 1, (2, 4))[0] == score
    row, column = _divmod(torch.where(peaks, score, -1).flatten().topk(count).indices, len(octave))
    n = torch.arange(len(x), dtype=t.dtype, device=t.device)
    return Sound(x, n / sample_rate - centre), Lines(2 ** octave[column, None], gamma[row, None])


def _spectrogram(x: Tensor, sample_rate: float) -> tuple[Tensor, Tensor]:
    """Power on a grid of log-frequency [T, F], and the time of its frames [T], s."""
    length = round(WINDOW * sample_rate)
    window = torch.hann_window(length, dtype=x.dtype, device=x.device)
    spectrum = torch.stft(x, 4 * length, length // 4, length, window, pad_mode="constant", return_complex=True)
    octave = torch.arange(LOWEST - MARGIN, HIGHEST + MARGIN, STEP, dtype=x.dtype, device=x.device)
    bins = (2**octave * 4 * length / sample_rate).round().long()
    power = torch.where(bins < len(spectrum), spectrum[bins.clamp(max=len(spectrum) - 1)].abs().square().mT, 0)
    return power, torch.arange(len(power), dtype=x.dtype, device=x.device) * (length // 4) / sample_rate


def demodulate(sound: Sound, lines: Lines, band: float) -> tuple[Tensor, Tensor]:
    """The sound around each line brought down to 0 Hz, y [K, n], and its time [n]; `band` Hz are kept on either side."""
    N, duration = len(sound.x), len(sound.x) * float(sound.t[1] - sound.t[0])
    half = min(N // 2, math.ceil(band * duration))
    Y = torch.fft.fft(sound.x * torch.exp(-1j * lines.phase(sound.t)))
    y = torch.fft.ifft(torch.cat([Y[:, :half], Y[:, -half:]], 1)) * (2 * half / N)
    return y, sound.t[0] + torch.arange(2 * half, dtype=sound.t.dtype, device=sound.t.device) * (duration / (2 * half))


def straighten(sound: Sound, lines: Lines, width: float, band: float, margin: float) -> Lines:
    """The neighbour of each line, γ within a `margin`, along which y² is most nearly a sinusoid: the tremolo's sign is squared away."""
    y, t = demodulate(sound, lines, band)
    half = 1.5 * width / lines.gamma  # s: the sound is as good as over
    step = 1 / (2 * math.pi * LN2 * lines.f * half**2)  # a change of γ that turns y by half a radian there
    count = math.ceil(float((margin * lines.gamma / step).max()))
    gamma = (lines.gamma + step * torch.arange(-count, count + 1, dtype=t.dtype, device=t.device)).clamp(min=0.1)
    turn = phase(lines.f[..., None], gamma[..., None], t) - lines.phase(t)[:, None]
    n, K = 2 * len(t), len(y)
    spectrum = torch.fft.fft(y.square()[:, None] * torch.exp(-2j * turn), n).abs()
    row, column = _divmod(spectrum.flatten(1).argmax(1), n)
    frequency = torch.fft.fftfreq(n, float(t[1] - t[0]), dtype=t.dtype, device=t.device)[column, None]
    return Lines(lines.f + frequency / 2, gamma[torch.arange(K, device=t.device), row, None])


def _divmod(index: Tensor, n: int) -> tuple[Tensor, Tensor]:
    return index // n, index % n
