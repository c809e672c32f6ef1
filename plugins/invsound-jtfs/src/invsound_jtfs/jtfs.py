"""The joint time–frequency scattering transform."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from invsound import Feature, Signal, check_bounds, option

from .filters import bank
from .geometry import Config, Geometry
from .scattering import scatter


def _averaging(value: int | str) -> int | str:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


@dataclass
class JTFSOptions:
    """Options of the joint time–frequency scattering transform, in kymatio's conventions.

    J: log2 of the largest time scale, in samples
    Q: wavelets per octave of the first and second order
    J_fr: log2 of the largest log-frequency scale, in first-order wavelets
    Q_fr: wavelets per octave along log-frequency
    T: support of the time average in samples (kymatio's default is 2**J), "global" (sum over the padded time) or 0 (none)
    F: support of the log-frequency average in first-order wavelets (kymatio's default is 2**J_fr), "global" (sum) or 0 (none)
    format: "time" (one row per path and first-order wavelet) or "joint" (log-frequency kept as a padded axis)
    padding: "reflect" (kymatio) or "zero" (Han, Lostanlen & Lagrange 2024)
    order0: whether S0, the average of the waveform itself, comes first
    log: whether S becomes log1p(1e3 S); the signed S0 becomes sign(S0) log1p(1e3 |S0|)
    compile: whether a C compiler, where there is one, builds the inner loops: more than twice the speed for half a second at first use
    """

    J: int = option(13, low=1, high=24)
    Q: tuple[int, int] = option((12, 1), low=1, high=128)
    J_fr: int = option(3, low=1, high=16)
    Q_fr: int = option(1, low=1, high=128)
    T: int | str = option("global", low=0, high=2**24, choices=("global",))
    F: int | str = option(2, low=0, high=65_536, choices=("global",))
    format: str = option("time", choices=("time", "joint"))
    padding: str = option("reflect", choices=("reflect", "zero"))
    order0: bool = False
    log: bool = True
    compile: bool = True

    def __post_init__(self) -> None:
        Q = (self.Q, 1) if isinstance(self.Q, int) else tuple(self.Q)
        if len(Q) != 2:
            raise ValueError(f"Q is one or two numbers of wavelets per octave, got {self.Q!r}")
        self.Q = Q
        self.T, self.F = _averaging(self.T), _averaging(self.F)
        check_bounds(self)
        if self.format == "joint" and (self.T == 0 or self.F in (0, "global")):
            raise ValueError(f"format='joint' needs T ≠ 0 and a number F ≥ 1, got T={self.T!r}, F={self.F!r}: choose format='time'")


class JTFS(Feature):
    """S(n1, n2, n_fr) = (| |x * ψ_n1| *_t ψ_n2 *_f ψ_fr | * φ_T,F), from audio x [B, N] to [B, D].

    Rows are ordered as kymatio's `TimeFrequencyScattering(out_type="array")` orders them, then flattened with time:
    (S0,) first order by n_fr and n1, second order by n2, n_fr and n1. With T="global" a path is the sum over the padded time grid at
    its own resolution; with T=0 each has its own length and the first order has none (so has kymatio's). `format="joint"` keeps the
    padded log-frequency axis. Paths are what is below the second order, then the wavelets n2, each with all its n_fr and n1. Raises
    ValueError if the signal is too short for J or T, or log-frequency for J_fr or F.

    Source: Andén, Lostanlen & Mallat, Joint time–frequency scattering, IEEE TSP 2019; kymatio, main branch.
    """

    Options = JTFSOptions
    check_options: ClassVar[dict[str, object]] = {"J": 6, "Q": (4, 1), "J_fr": 2}

    def __init__(self, signal: Signal, options: JTFSOptions) -> None:
        super().__init__(signal, options)
        o = options
        self.config = Config(signal.num_samples, o.J, o.Q, o.J_fr, o.Q_fr, o.T, o.F, o.format, o.padding, o.compile)
        geometry = Geometry.of(self.config)
        k = geometry.log2_stride if o.T else 0
        self.size0 = 1 if o.T == "global" else geometry.stops[k] - geometry.starts[k]
        fastest = min(psi.j for psi in bank(o.J, o.Q[0]))
        self.num_paths = 1 + sum(psi.j > fastest for psi in bank(o.J, o.Q[1]))

    def forward(self, x: Tensor) -> Tensor:
        return self._scattered(x, self.config)

    def path(self, x: Tensor, k: int) -> Tensor:
        return self._scattered(x, replace(self.config, path=k))

    def _scattered(self, x: Tensor, config: Config) -> Tensor:
        if x.ndim != 2 or x.shape[-1] != self.config.num_samples:
            raise ValueError(f"JTFS was built for audio [B, {self.config.num_samples}], got {tuple(x.shape)}")
        S = scatter(x, config)
        size0 = 0 if config.path else self.size0
        S0, S = S[:, :size0], S[:, size0:].clamp(min=0)  # rounding can leave a local average below zero
        if self.options.log:
            S0, S = torch.where(S0 < 0, -compress(-S0.clamp(max=0)), compress(S0.clamp(min=0))), compress(S)
        return torch.cat([S0, S], 1) if self.options.order0 else S


def compress(S: Tensor) -> Tensor:
    """log(1 + 1000 S), for S ≥ 0."""
    return torch.log1p(1e3 * S)
