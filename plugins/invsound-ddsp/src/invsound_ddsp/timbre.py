"""What a steady sound of known pitch is made of: harmonics and noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .note import Note
from .pitch import harmonic_sum, harmonic_transform


def timbre(voice: Note, y: Tensor, own: Tensor, f0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Levels, tilt [1] and noise levels, in dB, of a stationary sound y [n]; `own` is the voice's noise at 0 dB meanwhile."""
    sample_rate, window = voice.signal.sample_rate, torch.hann_window(len(y), dtype=y.dtype, device=y.device)
    k = torch.arange(1, min(voice.options.num_harmonics, int(0.5 * sample_rate / float(f0))) + 1, dtype=y.dtype, device=y.device)
    omega = 2 * math.pi / sample_rate * f0 * k
    A = 2 * harmonic_transform(y * window, omega) / window.sum()
    noise, spread = _noise(voice, (y - harmonic_sum(A, omega, len(y))) * window, own * window)
    spread = spread[(k * f0 / sample_rate * len(y)).round().long()] * 2 * window.square().sum().sqrt() / window.sum()
    fade = ((0.5 * sample_rate - k * f0) / (0.05 * sample_rate)).clamp(1e-3, 1)
    level = _dB(A.abs() / fade, A[0].abs())
    named = torch.nn.functional.pad(level, (0, voice.options.num_levels), value=-60.0)[1 : voice.options.num_levels]
    tilt = _tilt(level, (A.abs() > 3 * spread) & (fade > 0.05), voice.options.num_levels)
    return named, tilt, _dB(noise, A[0].abs())


def _dB(amplitude: Tensor, reference: Tensor) -> Tensor:
    return 20 * (amplitude / reference.clamp(min=1e-12) + 1e-6).log10()


def _tilt(level: Tensor, certain: Tensor, num_levels: int) -> Tensor:
    """Slope [1], dB/octave, of the harmonics above the last named, of those that stand out of the noise."""
    octaves = torch.arange(1, len(level) + 1, dtype=level.dtype, device=level.device).div(num_levels).log2()[num_levels:]
    weight = torch.where(certain[num_levels:], octaves, 0)
    if not weight.any():
        return level.new_tensor([-18.0])
    drop = level[num_levels:] - level[num_levels - 1]
    return ((weight * drop).sum() / (weight * octaves).sum())[None]


def _noise(voice: Note, residual: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Amplitude of the noise re the voice's own, in each band and, interpolated, in each bin of the spectrum of `residual` [n]."""
    ratio = torch.fft.rfft(residual).abs() / (torch.fft.rfft(own).abs() + 1e-12)
    f = torch.fft.rfftfreq(len(residual), 1 / voice.signal.sample_rate, dtype=residual.dtype, device=residual.device)
    octave = (f / voice.centres[0]).clamp(min=1e-3).log2()
    bands = torch.arange(len(voice.centres), dtype=f.dtype, device=f.device)
    amplitude = torch.stack([ratio[(octave - band).abs() < 0.2].median() for band in bands]).clamp(min=1e-9)
    weights = torch.clamp(1 - (octave.clamp(0, len(bands) - 1)[:, None] - bands).abs(), min=0)
    return amplitude, (weights @ amplitude.log()).exp()
