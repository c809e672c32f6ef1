"""The AM/FM arpeggiator: an exponential chirp with tremolo under a Gaussian envelope."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invsound import Parameter, SignalOptions, Space, Synth, option, published_table

from .chirp import chirp
from .listening import listen


@dataclass
class ArpeggiatorOptions(SignalOptions):
    """Options of the AM/FM arpeggiator.

    sample_rate: sample rate, Hz; more than twice the highest f0
    num_samples: length N, samples; the chirp passes f0 at N/2
    width: standard deviation of the envelope, in octaves of the chirp
    """

    sample_rate: float = option(8192.0, above=2048, high=10**6, unit="Hz")
    num_samples: int = 32768
    width: float = option(0.2, above=0, high=1, unit="octave")


class Arpeggiator(Synth):
    """x(t) = γ · sin(2πf0 (2^{γt} − 1) / (γ ln 2)) · sin(2πfm t) · exp(−½ (γ(t + ½/sr) / width)²),  t = (n − N/2)/sr.

    The envelope spans the same number of octaves whatever the rate γ. Source: Vahidi et al., "Mesostructures: beyond
    spectrogram loss in differentiable time–frequency analysis", JAES 71(9), 2023 (arXiv:2301.10183).
    """

    Options = ArpeggiatorOptions
    peak = None

    def __init__(self, options: ArpeggiatorOptions) -> None:
        super().__init__(options)
        self.signal = options.signal
        self.lead = self.signal.duration / 4  # the sound swells, to its middle
        self.space = Space(
            Parameter("f0", "Hz", 512.0, 1024.0, "log", "carrier frequency at the middle of the sound"),
            Parameter("fm", "Hz", 4.0, 16.0, "log", "tremolo frequency"),
            Parameter("gamma", "octave/s", 0.5, 4.0, "log", "chirp rate"),
        )

    def forward(self, theta: Tensor) -> Tensor:
        """θ [B, 3] → x [B, N]."""
        return chirp(theta, self.signal.sample_rate, self.signal.num_samples, self.options.width)

    @torch.no_grad()
    def guess(self, x: Tensor) -> Tensor:
        """ν₀ [K, 3], K ≤ 4: see `listening`. Neither the gain of x nor its place in time is trusted."""
        nu = self.space.to_nu(listen(x, self.signal.sample_rate, self.options.width)).clamp(-1, 1)
        repeated = (torch.cdist(nu, nu, p=torch.inf) < 1e-3).tril(-1).any(1)
        return nu[~repeated].to(x.dtype)

    def published(self) -> tuple[Tensor, list[str]]:
        return published_table(self.space, cells=30, inset=8, test=2700)
