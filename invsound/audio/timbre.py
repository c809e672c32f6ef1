"""Timbre: how loud each band is, soon and late."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

WINDOW = 2048  # samples
SILENT = 1e-8  # magnitude of what is not heard: that of nothing has no derivative


def timbre(x: Tensor, sample_rate: float, per_octave: int = 6, lowest: float = 30.0, window: int = WINDOW) -> Tensor:
    """log(1 + 10³ B), B being the mean magnitude of x [B, N] in bands, over 0–N/256, –N/64, –N/16, –N/4 and –N: [B, D].

    Cheap, and near to the joint time–frequency scattering transform: the ranks of their distances correlate by 0.95 among random
    drums, and by 0.8 to 0.98 from random drums to the recorded drums of invsound's examples.
    """
    frames = torch.nn.functional.pad(x, (window // 2, window // 2)).unfold(-1, window, window // 4)
    S = torch.fft.rfft(frames * torch.hann_window(window).to(x)).mT  # and no stft, for which vmap has no rule
    magnitude = (S.real.square() + S.imag.square() + SILENT**2).sqrt()
    f = torch.fft.rfftfreq(window, 1 / sample_rate).to(x)
    octaves = torch.arange(math.log2(sample_rate / 2 / lowest) * per_octave).to(x) / per_octave
    centre = lowest * 2 ** octaves[:, None]
    width = (centre * (2 ** (1 / per_octave) - 1)).clamp_min(sample_rate / window)
    B = (1 - (f - centre).abs() / width).clamp_min(0) @ magnitude / (window / 4)
    ends = [0, *(max(k + 1, S.shape[-1] // 4 ** (4 - k)) for k in range(5))]
    levels = [B[..., a:b].sum(-1) / (b - a) for a, b in itertools.pairwise(ends)]
    return torch.log1p(1e3 * torch.stack(levels, -1)).flatten(1)


def timbre_and_pitch(x: Tensor, sample_rate: float) -> Tensor:
    """`timbre` of x [B, N], and beside it its semitones by a longer window: [B, D]."""
    return torch.cat([timbre(x, sample_rate), timbre(x, sample_rate, per_octave=12, window=4 * WINDOW)], 1)
