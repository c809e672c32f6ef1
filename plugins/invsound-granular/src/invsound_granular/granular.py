"""A texture of chirping grains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from invsound import Parameter, SignalOptions, Space, Synth, option

from .timelines import placed, timelines

LOW, HIGH = 256.0, 2048.0
"""The range of the grains' frequencies, Hz."""
CELLS, SOUNDS, FOLDS = 32, 5, ("train", "train", "train", "val", "test")
"""The published grid: so many cells per parameter, so many sounds in each, and the folds that cells belong to in turn."""


@dataclass
class GranularOptions(SignalOptions):
    """Options of the granular texture.

    sample_rate: sample rate, Hz
    num_samples: length N, samples
    grains: number of grains
    size: length of a grain, samples
    """

    sample_rate: float = option(8192.0, above=0, high=10**6, unit="Hz")
    num_samples: int = 32768
    grains: int = option(64, low=1, high=4096)
    size: int = option(4096, low=2, high=2**24, unit="samples")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size > self.num_samples:
            raise ValueError(f"size is at most num_samples, a grain's length within the sound's, got {self.size} and {self.num_samples}")


class Granular(Synth):
    """x = y / ‖y‖₂,  y[o_i + n] += a_i · sin²(πn/size) · sin(2π Σ_{m ≤ n} f_i 2^{γ t_m} / sr) / √f_i,  t_m = m/sr − size/(2 sr).

    Frequency f_i of grain i, log-uniform in 256 to 2048 Hz, and its onset o_i, uniform where the grain fits in, are a nuisance: each sound
    draws them from its seed. With the density d in [0, 1] and the slope θ in [0, 1], 0.5 for none,

        a_i = A_i / max A,  A_i = 1 − σ(2 (1 − d) G (i/G − (0.25 d + 0.75 d²))),  i = 0 … G − 1
        γ = tan(0.95 (2θ − 1) π/2) · sr / (12 · 256) / 4  octaves/s

    One grain is heard at d = 0, all G at d = 1. At the ends of the slope grains pass Nyquist and are aliased, as published. Phases are
    summed in float64. Source: Mitcheltree, Lostanlen, Benetos & Lagrange, "SCRAPL: scattering transform with random paths for machine
    learning", ICLR 2026 (arXiv:2602.11145), the granular task.
    """

    Options = GranularOptions
    check_options: ClassVar[dict[str, object]] = {"num_samples": 2048, "size": 512, "grains": 16}
    nuisance = True
    peak = 0.03

    def __init__(self, options: GranularOptions) -> None:
        super().__init__(options)
        self.signal = options.signal
        self.space = Space(
            Parameter("density", "", 0.0, 1.0, doc="share of the grains that is heard"),
            Parameter("slope", "", 0.0, 1.0, doc="of their chirps, from falling to rising; 0.5 is level"),
        )

    def forward(self, theta: Tensor) -> Tensor:
        """θ [B, 2] → x [B, N]."""
        density, slope = theta[:, :, None].unbind(1)
        a, cycles = self.amplitudes(density), self.cycles(slope)
        textures = [self.texture(seed, a[i : i + 1], cycles[i : i + 1]) for i, seed in enumerate(self.seeds(theta))]
        y = torch.cat([theta.new_empty(0, self.signal.num_samples), *textures])
        return y / y.square().sum(1, keepdim=True).clamp(min=1e-30).sqrt()

    def grains(self, seed: int) -> tuple[Tensor, list[int]]:
        """Frequencies [G] in Hz, float64, and onsets in samples."""
        generator, options = torch.Generator().manual_seed(seed), self.options
        octave = torch.rand(options.grains, generator=generator).double() * math.log2(HIGH / LOW)
        onsets = torch.rand(options.grains, generator=generator) * (options.num_samples - options.size)
        return LOW * 2**octave, onsets.long().tolist()

    def texture(self, seed: int, a: Tensor, cycles: Tensor) -> Tensor:
        """Amplitudes a [1, G] and `cycles` [1, size] → y [1, N]."""
        f, onsets = self.grains(seed)
        f, window = f.to(a.device), self.window(a)
        weights, rows = a / f.to(a.dtype).sqrt(), []
        for line in timelines(onsets, self.options.size):
            phase = (cycles[:, None] * f[line, None]).frac().to(a.dtype)
            sounds = torch.sin(2 * math.pi * phase) * (weights[:, line, None] * window)
            rows.append(placed(sounds, [onsets[i] for i in line], self.signal.num_samples))
        return torch.stack(rows).sum(0)

    def amplitudes(self, density: Tensor) -> Tensor:
        """[B, 1] → a [B, G]. The first grain is the loudest."""
        G = self.options.grains
        i = torch.arange(G, dtype=density.dtype, device=density.device)
        A = torch.sigmoid(2 * (1 - density) * (G * (0.25 * density + 0.75 * density**2) - i))
        return A / A[:, :1]

    def cycles(self, slope: Tensor) -> Tensor:
        """[B, 1] → [B, size], float64: what a grain of 1 Hz has gone through at each of its samples."""
        sr, size = self.signal.sample_rate, self.options.size
        t = (torch.arange(size, dtype=torch.float64, device=slope.device) - size / 2) / sr
        gamma = torch.tan(0.95 * (2 * slope.double() - 1) * math.pi / 2) * sr / (12 * 256) / 4
        gone: Tensor = (2.0 ** (gamma * t)).cumsum(1) / sr
        return gone

    def window(self, like: Tensor) -> Tensor:
        """sin² [size]; dtype and device of `like`."""
        n = torch.arange(self.options.size, dtype=like.dtype, device=like.device)
        return torch.sin(math.pi * n / self.options.size) ** 2

    def published(self) -> tuple[Tensor, list[str]]:
        """32 × 32 cells in the open square, slope fastest, five sounds in each; of five cells, three train, one validates, one tests."""
        edges = torch.linspace(0, 1, CELLS + 2, dtype=torch.float64)[1:-1]
        cells = torch.cartesian_prod(edges, edges).repeat_interleave(SOUNDS, 0)
        return cells, [FOLDS[k // SOUNDS % len(FOLDS)] for k in range(len(cells))]
