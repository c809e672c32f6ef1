"""The schedule of one configuration: which filters meet, at which resolution, as tensors of one dtype on one device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby

import torch

from .band import Band
from .filters import bank, lowpass
from .frequency import Frequency
from .geometry import Config, Geometry
from .lowpass import Lowpass


@dataclass(frozen=True)
class Group:
    """First-order wavelets of one resolution: `size` samples each, of whose spectra the first `bins` are used; bands; low-pass filter."""

    size: int
    bins: int
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
    lowpass: Lowpass | None


@dataclass(frozen=True)
class Plan:
    """Everything the cascade needs. `low` is whether S0 and the first order are computed."""

    config: Config
    geometry: Geometry
    smooth: Band
    groups: tuple[Group, ...]
    first: Frequency
    joints: tuple[Joint, ...]
    low: bool = True

    @classmethod
    def of(cls, config: Config, dtype: torch.dtype, device: torch.device) -> Plan:
        """The plan; the first call draws the filters, later ones find them in a cache."""
        whole = _plan(replace(config, path=None), dtype, device)
        return whole if config.path is None else whole.only(config.path)

    def only(self, path: int) -> Plan:
        """The plan of S0 and the first order (0), or of one second-order wavelet (1, 2, …) and of no more than what it sees."""
        if path == 0:
            return replace(self, joints=())
        joint = self.joints[path - 1]
        seen = zip(self.groups, joint.inputs, strict=False)
        groups = tuple(replace(group, bins=band.bins, bands=group.bands[: rows.stop - rows.start]) for group, (rows, band) in seen)
        return replace(self, groups=groups, joints=(joint,), low=False)


@lru_cache(maxsize=16)
def _plan(config: Config, dtype: torch.dtype, device: torch.device) -> Plan:
    geometry, to = Geometry.of(config), {"dtype": dtype, "device": device}
    tolerance = 1e-17 if dtype == torch.float64 else 1e-9
    N, stride, limit = geometry.padded, geometry.log2_stride, geometry.log2_stride if config.is_local else 64
    psi1 = bank(config.J, config.Q[0])
    phi = lowpass(config.support).window(N, tolerance)
    levels = [(k, list(members)) for k, members in groupby(psi1, key=lambda psi: min(psi.j, limit))]

    def smoothing(k: int) -> Band:
        return Band.of(*phi, N >> k, N >> stride, 0, **to)

    joints = []
    for psi in bank(config.J, config.Q[1]):
        n_max, k = sum(p.j < psi.j for p in psi1), min(psi.j, limit)
        if n_max:
            first, weights = psi.window(N, tolerance)
            inputs, at = [], 0
            for level, members in levels:
                if at < n_max:
                    band = Band.of(first, weights, N >> level, N >> k, first, **to)
                    inputs.append((slice(at, min(at + len(members), n_max)), band))
                    at += len(members)
            frequency = Frequency.of(config, geometry, n_max, tolerance, True, **to)
            average = Lowpass.of(*phi, N >> k, N >> stride, tolerance, **to) if config.is_local else None
            joints.append(Joint(k, N >> k, n_max, tuple(inputs), frequency, average))

    groups = []
    for i, (k, members) in enumerate(levels):
        drawn = [psi.window(N, tolerance) for psi in members]
        bands, average = tuple(Band.of(*psi, N, N >> k, psi[0], **to) for psi in drawn), smoothing(k)
        bins = max(band.bins for band in (average, *(joint.inputs[i][1] for joint in joints if i < len(joint.inputs))))
        groups.append(Group(N >> k, bins, bands, average))
    first = Frequency.of(config, geometry, len(psi1), tolerance, False, **to)
    return Plan(config, geometry, smoothing(0), tuple(groups), first, tuple(joints))
