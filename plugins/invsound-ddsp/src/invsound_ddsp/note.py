"""One note of differentiable DSP: harmonics plus noise under an envelope, with a name for every knob."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from invsound import Parameter, SignalOptions, Space, Synth, option


@dataclass
class VoiceOptions(SignalOptions):
    """Options of the harmonic-plus-noise voice.

    num_levels: harmonics with a level of their own, the fundamental (always 0 dB) included
    num_harmonics: harmonics in all; those past num_levels follow the tilt
    num_bands: noise bands, an octave apart, the highest centred on a quarter of the sample rate
    gate: when the note is released, s
    seed: seed of the noise, which is the same for every sound
    """

    sample_rate: float = option(16000.0, low=4000, high=10**6, unit="Hz")
    num_samples: int = 32768
    num_levels: int = option(8, low=1, high=1000)
    num_harmonics: int = option(100, low=1, high=10_000)
    num_bands: int = option(5, low=1, high=16)
    gate: float = option(1.5, low=0, high=3600, unit="s")
    seed: int = option(0, low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_levels > self.num_harmonics:
            raise ValueError(f"needs num_levels ≤ num_harmonics, got {self.num_levels} and {self.num_harmonics}")


class Note(Synth):
    """x(t) = e(t) [Σ_k A_k sin(2πk f0 t) + (h ∗ w)(t)] / max|x|, a note of constant pitch.

    A_k is 1 for the fundamental, `level_k` dB for the next harmonics, and falls by `tilt` dB/octave after the last of them;
    harmonics fade out over the last tenth below Nyquist. w is a fixed white noise, as loud as the fundamental; the zero-phase
    filter h has `noise_b` dB at the centre of band b, interpolated in dB over log-frequency. The envelope e rises linearly during
    `attack`, tends to `sustain` with time constant `decay`, and after the gate to zero with time constant `release`.
    Source: Engel, Hantrakul, Gu & Roberts, "DDSP: Differentiable digital signal processing", ICLR 2020 (arXiv:2001.04643).
    """

    Options = VoiceOptions
    check_options: ClassVar = {"num_samples": 1024, "gate": 0.02}
    spectrum: Tensor
    bands: Tensor

    def __init__(self, options: VoiceOptions) -> None:
        super().__init__(options)
        self.signal = options.signal
        self.centres = [options.sample_rate / 4 * 2.0 ** (b + 1 - options.num_bands) for b in range(options.num_bands)]
        self.space = Space(
            Parameter("f0", "Hz", 55.0, 880.0, "log", "pitch"),
            *(Parameter(f"level_{k}", "dB", -60.0, 20.0, doc=f"harmonic {k} re fundamental") for k in range(2, options.num_levels + 1)),
            Parameter("tilt", "dB/octave", -36.0, 0.0, doc=f"slope of the spectrum above harmonic {options.num_levels}"),
            *(Parameter(f"noise_{b}", "dB", -80.0, 0.0, doc=f"noise around {f:.4g} Hz") for b, f in enumerate(self.centres, 1)),
            Parameter("attack", "s", 0.002, 0.5, "log", "time to the peak of the envelope"),
            Parameter("decay", "s", 0.02, 2.0, "log", "time constant from the peak to the sustained level"),
            Parameter("sustain", "dB", -40.0, 0.0, doc="sustained level under the peak"),
            Parameter("release", "s", 0.02, 1.0, "log", "time constant after the gate"),
        )
        noise = torch.randn(options.num_samples, generator=torch.Generator().manual_seed(options.seed), dtype=torch.float64)
        self.register_buffer("spectrum", torch.fft.rfft(noise / (math.sqrt(2) * noise.square().mean().sqrt())), persistent=False)
        self.register_buffer("bands", self._interpolation(self.centres), persistent=False)

    def _interpolation(self, centres: list[float]) -> Tensor:
        """Weights [N/2+1, num_bands] of each band in each bin of the spectrum: triangles an octave wide, flat at both ends."""
        f = torch.fft.rfftfreq(self.signal.num_samples, 1 / self.signal.sample_rate, dtype=torch.float64)
        position = (f.clamp(min=centres[0], max=centres[-1]) / centres[0]).log2()
        distance = (position[:, None] - torch.arange(len(centres))).abs()
        return torch.clamp(1 - distance, min=0)

    def forward(self, theta: Tensor) -> Tensor:
        x = self.unscaled(theta)
        peak = x.gather(-1, x.detach().abs().argmax(-1, keepdim=True)).abs()
        return x / torch.where(peak > 0, peak, torch.ones_like(peak))

    def unscaled(self, theta: Tensor) -> Tensor:
        """x before it is divided by its peak: the fundamental has amplitude 1 under the envelope."""
        f0, levels, tilt, noise, shape = torch.split(theta, [1, self.options.num_levels - 1, 1, self.options.num_bands, 4], -1)
        return self.envelope(shape) * (self.harmonics(f0, levels, tilt) + self.noise(noise))

    def harmonics(self, f0: Tensor, levels: Tensor, tilt: Tensor) -> Tensor:
        """Σ_k A_k sin(2πk f0 n/sr), n = a n₁ + n₂, as a product of two small tables of sines: √N phases per harmonic, not N."""
        k = torch.arange(1, self.options.num_harmonics + 1, dtype=f0.dtype, device=f0.device)
        named = torch.cat([torch.zeros_like(f0), levels], -1)
        level = torch.cat([named, named[..., -1:] + tilt * (k[named.shape[-1] :] / named.shape[-1]).log2()], -1)
        nyquist = self.signal.sample_rate / 2
        amplitude = 10 ** (level / 20) * ((nyquist - k * f0) / (0.1 * nyquist)).clamp(0, 1)
        # phases reach 1e5 rad: float64, where the device has it
        omega = 2 * math.pi / self.signal.sample_rate * (k * f0.to(torch.float32 if f0.device.type == "mps" else torch.float64))
        a = math.isqrt(self.signal.num_samples - 1) + 1
        n = torch.arange(a, dtype=omega.dtype, device=omega.device)
        coarse, fine = a * n[:, None] * omega[..., None, :], n[:, None] * omega[..., None, :]
        left = torch.cat([coarse.sin(), coarse.cos()], -1).to(f0.dtype) * torch.cat([amplitude, amplitude], -1)[..., None, :]
        right = torch.cat([fine.cos(), fine.sin()], -1).to(f0.dtype)
        return (left @ right.mT).flatten(-2)[..., : self.signal.num_samples]

    def noise(self, levels: Tensor) -> Tensor:
        """The fixed noise through a filter of the given levels, in dB at the centres of the bands."""
        gain: Tensor = 10 ** (levels @ self.bands.to(levels).mT / 20)
        if not len(gain):  # which an FFT refuses
            return gain.new_empty(0, self.signal.num_samples)
        x: Tensor = torch.fft.irfft(gain * self.spectrum.to(torch.complex(gain, gain).dtype), n=self.signal.num_samples)
        return x

    def envelope(self, shape: Tensor, t: Tensor | None = None) -> Tensor:
        """e(t) [..., N] for attack, decay, sustain and release [..., 4], or at other times t [n], s."""
        attack, decay, sustain, release = shape[..., None].unbind(-2)
        if t is None:
            t = torch.arange(self.signal.num_samples, dtype=shape.dtype, device=shape.device) / self.signal.sample_rate
        floor = 10 ** (sustain / 20)
        body = floor + (1 - floor) * torch.exp(-(t - attack).clamp(min=0) / decay)
        return (t / attack).clamp(max=1) * body * torch.exp(-(t - self.options.gate).clamp(min=0) / release)
