"""The schedule of one configuration: which filters meet, at which resolution, as tensors of one dtype on one device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

import torch

from .band import Band, window
from .filters import bank, lowpass
from .frequency import Frequency
from .geometry import Config, Geometry


@dataclass(frozen=True)
class Group:
    """First-order wavelets of the same resolution 2**k: `size` samples each, their bands, and the low-pass filter after them."""

    k: int
    size: int
    bands: tuple[Band, ...]
    average: Band


@dataclass(frozen=True)
class Joint:
    """One second-order wavelet n2: for each group that it meets, the rows it becomes and the band; then log-frequency."""

    k: int
    size: int
    n_max: int
    inputs: tuple[tuple[slice, Band], ...]
    frequency: Frequency
    average: Band | None


@dataclass(frozen=True)
class Plan:
    """Everything the cascade needs."""

    config: Config
    geometry: Geometry
    smooth: Band
    groups: tuple[Group, ...]
    first: Frequency
    joints: tuple[Joint, ...]

    @classmethod
    def of(cls, config: Config, dtype: torch.dtype, device: torch.device) -> Plan:
        """The plan; the first call draws the filters, later ones find them in a cache."""
        return _plan(config, dtype, device)


@lru_cache(maxsize=16)
def _plan(config: Config, dtype: torch.dtype, device: torch.device) -> Plan:
    geometry = Geometry.of(config)
    to: dict[str, Any] = {"dtype": dtype, "device": device}
    tolerance = 1e-17 if dtype == torch.float64 else 1e-9
    N, stride, limit = geometry.padded, geometry.log2_stride, geometry.log2_stride if config.is_local else 64
    psi1, psi2 = bank(config.J, config.Q[0]), bank(config.J, config.Q[1])
    phi = window(lowpass(config.support).spectrum(N), tolerance)

    def smoothing(k: int) -> Band:
        return Band.of(*phi, N >> k, N >> stride, 0, **to)

    groups = []
    for k, members in groupby(psi1, key=lambda psi: min(psi.j, limit)):
        drawn = [window(psi.spectrum(N), tolerance) for psi in members]
        groups.append(Group(k, N >> k, tuple(Band.of(*psi, N, N >> k, psi[0], **to) for psi in drawn), smoothing(k)))
    joints = []
    for psi in psi2:
        n_max, k = sum(p.j < psi.j for p in psi1), min(psi.j, limit)
        if n_max:
            first, weights = window(psi.spectrum(N), tolerance)
            inputs, at = [], 0
            for group in groups:
                if at < n_max:
                    rows = slice(at, min(at + len(group.bands), n_max))
                    inputs.append((rows, Band.of(first, weights, group.size, N >> k, first, **to)))
                    at = rows.stop
            frequency = Frequency.of(config, geometry, n_max, tolerance, True, **to)
            joints.append(Joint(k, N >> k, n_max, tuple(inputs), frequency, smoothing(k) if config.is_local else None))
    return Plan(
        config, geometry, smoothing(0), tuple(groups), Frequency.of(config, geometry, len(psi1), tolerance, False, **to), tuple(joints)
    )
