"""The Karplus–Strong string, from its poles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from invsound import Parameter, Signal, Space, Synth
from torch import Tensor


@dataclass
class KarplusStrongOptions:
    """Options of the Karplus–Strong string.

    sample_rate: sample rate of the loop, Hz
    num_samples: length N, samples
    seed: seed of the noise burst in the delay line, which is the same for every string
    """

    sample_rate: float = 16000.0
    num_samples: int = 16384
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.sample_rate >= 4000:
            raise ValueError(f"sample_rate is at least 4000 Hz, got {self.sample_rate}")
        if self.num_samples < 1:
            raise ValueError(f"num_samples is at least 1, got {self.num_samples}")


class KarplusStrong(Synth):
    """A delay line full of noise that runs through a gain ρ and the two-point filter A(z) = 1 − s + s/z once per period 1/f0.

    On each turn the harmonic at ω_k = 2πk f0 keeps ρ |A(ω_k)| of itself. The recursion is therefore a sum of decaying harmonics,

        x(t) = Σ_k a_k sin(πkβ) e^{−σ_k t} cos(2πk f0 t + φ_k),   σ_k = 3 ln 10 / t60 − f0 ln |A(ω_k)|,
        |A(ω)|² = 1 − 4s(1 − s) sin²(ω / 2 sample_rate),

    with ρ = 10^(−3 / (f0 t60)), the line plucked at the fraction β of its length, and a_k e^{iφ_k} the spectrum of the
    noise. In this form the delay may be any fraction of a sample, and every parameter has a derivative. All harmonics are in
    tune; in the recursion, the phase of A detunes them a little unless s = ½. Those near Nyquist fade out.

    Source: Karplus & Strong, Digital synthesis of plucked-string and drum timbres, Computer Music Journal 7(2), 1983;
    pluck position and tuning: Jaffe & Smith, Extensions of the Karplus–Strong plucked-string algorithm, same issue.
    """

    Options = KarplusStrongOptions
    burst: Tensor

    def __init__(self, options: KarplusStrongOptions) -> None:
        super().__init__(options)
        self.signal = Signal(options.sample_rate, options.num_samples)
        self.space = Space(
            Parameter("f0", "Hz", 80, 640, "log", "pitch"),
            Parameter("t60", "s", 0.2, 4, "log", "time in which the gain ρ alone takes 60 dB"),
            Parameter("s", "", 0.02, 0.5, "linear", "damping by the filter; 1/2 is the mean of two samples, as first published"),
            Parameter("beta", "", 0.05, 0.5, "linear", "where the string is plucked, fraction of its length"),
        )
        harmonics = math.ceil(options.sample_rate / 2 / self.space[0].low)
        generator = torch.Generator().manual_seed(options.seed)
        burst = torch.randn(2, harmonics, generator=generator, dtype=torch.float64)
        self.register_buffer("burst", (burst / harmonics**0.5).float(), persistent=False)

    def forward(self, theta: Tensor) -> Tensor:
        """θ [B, 4] → x [B, N]."""
        # phases reach 1e5 rad: float64, where the device has it
        wide = theta.to(torch.float32 if theta.device.type == "mps" else torch.float64)
        f0, t60, s, beta = wide[:, :, None].unbind(1)
        real, imaginary = self.burst.to(wide)
        k = torch.arange(1, len(real) + 1, dtype=wide.dtype, device=wide.device)
        nyquist = self.signal.sample_rate / 2
        level = torch.sin(math.pi * k * beta) * (10 * (1 - k * f0 / nyquist)).clamp(0, 1)
        omega = math.pi * (k * f0 / nyquist).clamp(max=1)
        A2 = (1 - 4 * s * (1 - s) * torch.sin(omega / 2) ** 2).clamp(min=1e-6)
        sigma = (3 * math.log(10) / t60 - f0 * A2.log() / 2) / self.signal.sample_rate
        return damped(level * real, level * imaginary, omega, sigma, self.signal.num_samples).to(theta.dtype)


def damped(p: Tensor, q: Tensor, omega: Tensor, sigma: Tensor, N: int) -> Tensor:
    """Σ_k e^{−σ_k n} (p_k cos ω_k n − q_k sin ω_k n), n < N, with ω and σ per sample: [B, K] → [B, N].

    With n = a n₁ + n₂ it is a product of two tables of √N rows each: no N × K table of sines.
    """
    a = math.isqrt(N - 1) + 1
    n = torch.arange(a, dtype=omega.dtype, device=omega.device)[:, None]
    real, imaginary = powers(omega, sigma, a * n)
    p, q = p[:, None], q[:, None]
    left = torch.cat([p * real - q * imaginary, -p * imaginary - q * real], -1)
    right = torch.cat(powers(omega, sigma, n), -1)
    return (left @ right.mT).flatten(1)[:, :N]


def powers(omega: Tensor, sigma: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of e^{(−σ_k + iω_k) n}: [B, K] and n [a, 1] → [B, a, K]."""
    decay, phase = torch.exp(-sigma[:, None] * n), omega[:, None] * n
    return decay * phase.cos(), decay * phase.sin()
