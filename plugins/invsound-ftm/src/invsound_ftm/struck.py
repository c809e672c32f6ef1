"""The drum of recordings: `ftm`'s membrane under a stick, whose tension relaxes, with the noise of air and skin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from invsound import Parameter, SignalOptions, Space, Synth, option

from .approach import approach
from .clock import clock
from .drum import Drum, DrumOptions
from .modes import below_nyquist, modal_sum, peak_normalize, spectrum, wide
from .warp import read

FINER = 4  # samples of the membrane's clock in one of the sound's
MARGIN = 0.1  # s of noise before the sound and after it, for what its band remembers


@dataclass
class StruckOptions(SignalOptions):
    """Options of the struck drum.

    sample_rate: sample rate, Hz; more than twice the highest fundamental
    num_samples: length N, samples
    num_modes: modes per axis; the membrane has num_modes² of them
    seed: seed of the noise, which is the same for every sound
    """

    sample_rate: float = option(22050.0, above=2000, high=10**6, unit="Hz")
    num_samples: int = 65536
    num_modes: int = option(10, low=1, high=256)
    seed: int = option(0, low=0, high=2**31 - 1)


class StruckDrum(Synth):
    """x = y / max|y|,  y(t) = m(t̃(t)) / max|m| + g e^{−t/τ_n} (h ∗ w)(t),  over the modes of `ftm` below Nyquist:

        m(t) = Σ_mk s_m s_k F(ω_mk) / ω_mk · e^{−σ_mk t} sin(ω_mk t),      s_m = sin(πm strike) sin(πm pickup),
        F(ω) = cos(ωT/2) / (1 − (ωT/π)²),      t̃(t) = t − δ (t − T_g (1 − e^{−t/T_g})).

    F is the spectrum of a stick's force, half a sine of duration T = `contact`. All modes keep one clock t̃: tension, raised by the
    stroke, relaxes, and every frequency falls by the share δ = `glide` with the time constant T_g = `glide_time`. h passes the white
    noise w, of variance 1, in a band, as a normal density over octaves about `noise_frequency` with `noise_width` for its standard
    deviation; h ∗ w has variance 1, g is `noise`; w is a function of the seed, so that a short sound is the beginning of a long one. Of
    `contact`, `glide` and g counts what is above the bottom of the range: there they are nothing, and the drum is `ftm`'s. m is summed at
    four times the rate and read at t̃ by interpolation, see `read`. Sources: docs/mathematics.md.
    """

    Options = StruckOptions
    noise: Tensor

    def __init__(self, options: StruckOptions) -> None:
        super().__init__(options)
        self.signal = options.signal
        self.membrane = Drum(DrumOptions(options.sample_rate, options.num_samples, num_modes=options.num_modes))
        self.space = Space(
            Parameter("omega", "rad/s", 2 * math.pi * 30, 2 * math.pi * 1000, "log", "angular frequency of the fundamental when struck"),
            Parameter("tau", "s", 0.02, 2.0, "log", "decay time of the fundamental"),
            Parameter("p", "", 1e-5, 1.0, "log", "inhomogeneous damping: how much faster high modes decay"),
            Parameter("D", "", 1e-5, 1.0, "log", "dispersion: how inharmonic stiffness makes the modes"),
            Parameter("alpha", "", 1e-3, 1.0, "log", "aspect ratio of the sides"),
            Parameter("strike", "", 0.01, 0.5, "linear", "where it is struck, as a fraction of either side"),
            Parameter("pickup", "", 0.01, 0.5, "linear", "where it is heard, as a fraction of either side"),
            Parameter("contact", "s", 5e-5, 1e-2, "log", "how long the stick touches the skin"),
            Parameter("glide", "", 1e-3, 0.9, "log", "by which share the pitch falls"),
            Parameter("glide_time", "s", 5e-3, 0.5, "log", "time constant in which it falls"),
            Parameter("noise", "dB", -60.0, 20.0, "linear", "level of the noise, re the peak of the membrane"),
            Parameter("noise_frequency", "Hz", 60.0, 10000.0, "log", "centre of the noise's band"),
            Parameter("noise_width", "octave", 0.2, 4.0, "log", "standard deviation of the noise's band"),
            Parameter("noise_decay", "s", 2e-3, 1.0, "log", "decay time of the noise"),
        )
        self.margin = round(MARGIN * options.sample_rate)
        length = (options.num_samples + 2 * self.margin) // 4096 * 4096 + 4096  # which has a fast Fourier transform
        white = torch.randn(length, generator=torch.Generator().manual_seed(options.seed), dtype=torch.float64)
        self.register_buffer("noise", torch.fft.rfft(white), persistent=False)

    def forward(self, theta: Tensor) -> Tensor:
        return peak_normalize(peak_normalize(self.skin(theta)) + self.hiss(theta))

    def skin(self, theta: Tensor) -> Tensor:
        """m(t̃) [B, N]."""
        fine = wide(theta)
        strike, pickup, contact, glide, time = fine[:, 5:10, None].unbind(1)
        omega, sigma = self.membrane.modes(fine[:, :5])
        pulse = spectrum(omega * (contact - self.bottom("contact")))
        rate = FINER * self.signal.sample_rate
        amplitude = below_nyquist(FINER * omega / rate, self.shape(strike, pickup) * pulse / omega)
        m = modal_sum(amplitude, omega / rate, sigma / rate, FINER * (self.signal.num_samples - 1) + 9, theta.dtype)
        t = torch.arange(self.signal.num_samples, dtype=fine.dtype, device=fine.device) / self.signal.sample_rate
        return read(m, rate * clock(t, glide - self.bottom("glide"), time))

    def shape(self, strike: Tensor, pickup: Tensor) -> Tensor:
        """s_m s_k [B, num_modes²], k fastest, of the fractions [B, 1]."""
        m = torch.arange(1, self.options.num_modes + 1, dtype=strike.dtype, device=strike.device)
        side = torch.sin(math.pi * m * strike) * torch.sin(math.pi * m * pickup)
        side = torch.where(side.abs() < 1e-12, 0.0, side)  # as in `excitation`
        return (side[:, :, None] * side[:, None]).flatten(1)

    def hiss(self, theta: Tensor) -> Tensor:
        """g e^{−t/τ_n} (h ∗ w) [B, N]."""
        level, centre, width, decay = theta[:, 10:, None].unbind(1)
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype, device=theta.device) / self.signal.sample_rate
        gain = 10 ** (level / 20) - 10 ** (self.bottom("noise") / 20)
        return gain * torch.exp(-t / decay) * self.band(self.response(centre, width))

    def response(self, centre: Tensor, width: Tensor) -> Tensor:
        """h of the centre in Hz and the width in octaves [B, 1], in frequency, not yet of variance 1: [B, L/2 + 1]."""
        sample_rate, L = self.signal.sample_rate, 2 * (len(self.noise) - 1)
        f = torch.fft.rfftfreq(L, 1 / sample_rate, dtype=centre.dtype, device=centre.device).clamp(min=sample_rate / L)
        return torch.exp(-0.5 * ((f / centre).log2() / width) ** 2)

    def band(self, h: Tensor) -> Tensor:
        """h ∗ w [B, N], of variance 1."""
        h = h / h.square().mean(1, keepdim=True).clamp(min=1e-12).sqrt()
        L = 2 * (len(self.noise) - 1)
        w = torch.fft.irfft(h * self.noise.to(torch.complex(h, h).dtype), L) if len(h) else h.new_empty(0, L)
        return w[:, self.margin : self.margin + self.signal.num_samples]

    def ends(self, name: str) -> tuple[float, float]:
        """Of the range of a parameter."""
        p = self.space[self.space.names.index(name)]
        return float(p.low), float(p.high)

    def bottom(self, name: str) -> float:
        """The least value in the range."""
        return self.ends(name)[0]

    def guess(self, x: Tensor) -> Tensor:
        """The drum that made x, or up to 6 that are near it in timbre; see `approach`."""
        return approach(self, x)
