"""Lengths: how kymatio pads time and log-frequency, and where the signal lies after subsampling."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

from kymatio.scattering1d.filter_bank import compute_temporal_support, gauss_1d
from kymatio.scattering1d.utils import compute_border_indices

SIGMA0, ALPHA = 0.1, 5.0
"""Bandwidth of the low-pass filter times its support in samples; aliasing tolerance (kymatio's defaults)."""


@dataclass(frozen=True)
class Config:
    """What determines the transform: the options, plus the number of samples; or what determines one path of it."""

    num_samples: int
    J: int
    Q: tuple[int, int]
    J_fr: int
    Q_fr: int
    T: int | str
    F: int | str
    format: str
    padding: str
    compile: bool
    path: int | None = None

    @property
    def support(self) -> int:
        """Support of the temporal low-pass filter in samples: T, or 2**J if T is "global" or 0."""
        return self.T if isinstance(self.T, int) and self.T else 2**self.J

    @property
    def support_fr(self) -> int:
        """Support of the frequential low-pass filter in wavelets: F, or 2**J_fr if F is "global" or 0."""
        return self.F if isinstance(self.F, int) and self.F else 2**self.J_fr

    @property
    def is_local(self) -> bool:
        return self.T not in ("global", 0)

    @property
    def is_local_fr(self) -> bool:
        return self.F not in ("global", 0)


@dataclass(frozen=True)
class Geometry:
    """Padded lengths (`padded` in samples, `padded_fr` in wavelets), padding on either side, and strides as powers of two."""

    padded: int
    left: int
    right: int
    padded_fr: int
    log2_stride: int
    log2_stride_fr: int
    starts: dict[int, int]
    stops: dict[int, int]

    @classmethod
    def of(cls, config: Config) -> Geometry:
        """Raises ValueError where the signal is too short for J or T, or log-frequency too short for F or J_fr."""
        N, J, wavelets = config.num_samples, config.J, (config.J + 1) * config.Q[0]
        if 2**J > N:
            raise ValueError(f"J={J} needs a signal of at least 2**J = {2**J} samples, got {N}: choose J ≤ {int(math.log2(N))}")
        if config.support > N:
            raise ValueError(f"T={config.T} exceeds the signal's {N} samples: choose T ≤ {N} or T='global'")
        if config.support_fr > wavelets:
            name = "F" if config.is_local_fr else "2**J_fr"
            raise ValueError(f"{name} = {config.support_fr} exceeds (J+1)·Q = {wavelets} wavelets: choose less or F='global'")
        with warnings.catch_warnings():  # kymatio warns of border effects, which its cap on the padding below makes inevitable
            warnings.simplefilter("ignore")
            margin = 3 * compute_temporal_support(gauss_1d(N, SIGMA0 / config.support).reshape(1, -1), criterion_amplitude=1e-3)
        padded = 2 ** min(math.ceil(math.log2(N + 2 * margin)), math.floor(math.log2(3 * N - 2)))
        left, log2_T = (padded - N) // 2, int(math.log2(config.support))
        starts, stops = compute_border_indices(log2_T, J, left, left + N)
        step = 2**config.J_fr
        padded_fr = (wavelets + 8 * min(config.support_fr, step)) // step * step
        return cls(padded, left, padded - N - left, padded_fr, log2_T, int(math.log2(config.support_fr)), starts, stops)
