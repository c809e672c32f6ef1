"""The transform of columns, a sound and its tangents: linear maps that treat all alike, and a modulus that knows which is which."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .band import Band
from .modulus import modulus, unit
from .padding import pad, unpad
from .plan import Group, Joint, Plan

BLOCK = 1 << 19
"""Complex numbers in one block of first-order outputs (4 MB in float32): larger ones pay for fresh pages of memory at every call."""


def rfft_adjoint(spectrum: Tensor, size: int) -> Tensor:
    """Adjoint of the first bins of `torch.fft.rfft` for the inner product Re Σ āb: [..., bins] → [..., size]; overwrites `spectrum`."""
    spectrum[..., 1 : (size + 1) // 2] *= 0.5
    x: Tensor = torch.fft.irfft(spectrum, size, norm="forward")
    return x


class Cascade:
    """x → S for one sound and its tangents, and the adjoint; scratch memory is kept from one sound to the next.

    Columns are x [C, N]: the sound, then C − 1 tangents. So are the outputs [C, D]: S, then its derivatives. Along D come S0, the first
    order and the second order, each path flattened to (n1, time).
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.geometry = plan, plan.geometry
        self.stride = plan.geometry.log2_stride
        self.total, self.averaged = plan.config.T == "global", plan.config.T != 0
        self.memory: dict[str, Tensor] = {}

    def scratch(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """Uninitialised memory: fresh pages cost as much as the computation that fills them."""
        size = math.prod(shape)
        if name not in self.memory or self.memory[name].numel() < size:
            self.memory[name] = like.new_empty(size)
        return self.memory[name][:size].view(shape)

    def push(self, x: Tensor) -> Tensor:
        """x [C, N] → S [C, D]."""
        p = pad(x, self.plan)
        X = torch.fft.rfft(p)
        U = [self.spectra(X, group, str(i)) for i, group in enumerate(self.plan.groups)]
        out = [self.crop(self.order0(p, X)[None], self.stride if self.averaged else 0)]
        if self.averaged:
            out += [self.crop(s, self.stride) for s in self.plan.first.push(self.order1(U), self.total)]
        for joint in self.plan.joints:
            paths = joint.frequency.push(self.order2(joint, U), self.total)
            out += [self.crop(self.average(s, joint), self.resolution(joint)) for s in paths]
        return torch.cat([s.movedim(0, -2).flatten(-2) for s in out], -1)

    def spectra(self, X: Tensor, group: Group, name: str) -> Tensor:
        """Half spectrum of the padded sound → first bins of the half spectra of the scalogram [n1, C, bins]."""
        U, at = self.scratch(name, X, len(group.bands), len(X), group.bins), 0
        for z in self.scalogram(X, group):
            U[at : at + len(z)] = torch.fft.rfft(modulus(z))[..., : group.bins]
            at += len(z)
        return U

    def pull(self, x: Tensor, S: Tensor) -> Tensor:
        """The adjoint of the derivative of `push` at x [1, N], applied to S [1, D] → [1, N]: recomputes, stores little."""
        p = pad(x, self.plan)
        X = torch.fft.rfft(p)
        Z = [list(self.scalogram(X, group)) for group in self.plan.groups]
        U = [torch.cat([torch.fft.rfft(modulus(z))[..., : g.bins] for z in parts]) for parts, g in zip(Z, self.plan.groups, strict=True)]
        p_bar, X_bar, U_bar = torch.zeros_like(p), torch.zeros_like(X), [torch.zeros_like(u) for u in U]
        take = self.reader(S)
        self.order0_adjoint(take(1, self.stride if self.averaged else 0)[0], p_bar, X_bar)
        if self.averaged:
            first = self.plan.first
            self.order1_adjoint(first.pull(self.order1(U), [take(path.size, self.stride) for path in first.paths]), U_bar)
        for joint in self.plan.joints:
            grads = [self.average_adjoint(take(path.size, self.resolution(joint)), joint) for path in joint.frequency.paths]
            self.order2_adjoint(joint, joint.frequency.pull(self.order2(joint, U), grads), U_bar)
        for group, parts, u in zip(self.plan.groups, Z, U_bar, strict=True):
            self.scalogram_adjoint(group, parts, u, X_bar)
        return unpad(p_bar + rfft_adjoint(X_bar, self.geometry.padded), self.plan)

    def scalogram(self, X: Tensor, group: Group) -> Iterator[Tensor]:
        """Half spectrum of the padded sound → x * ψ [n1, C, size] complex, by blocks of n1."""
        count = max(1, BLOCK // (len(X) * group.size))
        for start in range(0, len(group.bands), count):
            bands = group.bands[start : start + count]
            Z = X.new_empty(len(bands), len(X), group.size)
            for band, z in zip(bands, Z, strict=True):
                band.push(X, z)
            yield torch.fft.ifft(Z)

    def scalogram_adjoint(self, group: Group, Z: list[Tensor], U: Tensor, X_bar: Tensor) -> None:
        bands = iter(group.bands)
        for z, u in zip(Z, U.split([len(z) for z in Z]), strict=True):
            for bins in torch.fft.fft(unit(z) * rfft_adjoint(u, group.size), norm="forward"):
                next(bands).pull(bins, X_bar)

    def order0(self, p: Tensor, X: Tensor) -> Tensor:
        """S0, or what stands for it: the sum of the padded sound (T = "global"), the sound (T = 0)."""
        if self.total:
            return X[..., :1].real
        return self.smooth(X, self.plan.smooth) if self.averaged else p

    def order0_adjoint(self, s: Tensor, p_bar: Tensor, X_bar: Tensor) -> None:
        if self.total:
            X_bar[..., :1] += s
        elif self.averaged:
            self.smooth_adjoint(s, self.plan.smooth, X_bar)
        else:
            p_bar += s

    def order1(self, U: list[Tensor]) -> Tensor:
        """Half spectra of the scalogram → S1 before log-frequency [n1, C, padded/stride], as complex numbers."""
        S = torch.cat([self.smooth(u, group.average) for u, group in zip(U, self.plan.groups, strict=True)])
        return torch.complex(S, torch.zeros_like(S))

    def order1_adjoint(self, S: Tensor, U_bar: list[Tensor]) -> None:
        for s, group, u in zip(S.real.split([len(group.bands) for group in self.plan.groups]), self.plan.groups, U_bar, strict=True):
            self.smooth_adjoint(s, group.average, u)

    def order2(self, joint: Joint, U: list[Tensor]) -> Tensor:
        """Half spectra of the scalogram → its convolution with the wavelet n2 [n_max, C, size], complex."""
        Y, count = self.scratch("Y", U[0], joint.n_max, len(U[0][0]), joint.size), max(1, BLOCK // (len(U[0][0]) * joint.size))
        for (rows, band), u in zip(joint.inputs, U, strict=False):
            for start in range(rows.start, rows.stop, count):
                stop = min(start + count, rows.stop)
                part = u[start - rows.start : stop - rows.start]
                Y[start:stop] = torch.fft.ifft(band.push(part, part.new_empty(*part.shape[:-1], joint.size)))
        return Y

    def order2_adjoint(self, joint: Joint, Y: Tensor, U_bar: list[Tensor]) -> None:
        Y = torch.fft.fft(Y, norm="forward")
        for (rows, band), u in zip(joint.inputs, U_bar, strict=False):
            band.pull(Y[rows], u[: rows.stop - rows.start])

    def smooth(self, spectrum: Tensor, band: Band) -> Tensor:
        """Half spectra → averaged in time [..., padded/stride]."""
        out = spectrum.new_empty(*spectrum.shape[:-1], self.geometry.padded >> self.stride)
        return torch.fft.ifft(band.push(spectrum, out)).real

    def smooth_adjoint(self, s: Tensor, band: Band, spectrum: Tensor) -> None:
        band.pull(torch.fft.fft(s, norm="forward"), spectrum)

    def average(self, s: Tensor, joint: Joint) -> Tensor:
        return s if joint.average is None else self.smooth(torch.fft.rfft(s), joint.average)

    def average_adjoint(self, s: Tensor, joint: Joint) -> Tensor:
        if joint.average is None:
            return s
        spectrum = torch.zeros(*s.shape[:-1], joint.size // 2 + 1, dtype=s.dtype.to_complex(), device=s.device)
        self.smooth_adjoint(s, joint.average, spectrum)
        return rfft_adjoint(spectrum, joint.size)

    def resolution(self, joint: Joint) -> int:
        return joint.k if joint.average is None else self.stride

    def crop(self, s: Tensor, k: int) -> Tensor:
        """Drop the padding, at resolution 2**k."""
        return s if self.total else s[..., self.geometry.starts[k] : self.geometry.stops[k]]

    def reader(self, S: Tensor) -> Callable[[int, int], Tensor]:
        """The adjoint of the assembly: `take(size, k)` gives the next path of S [1, D] as [size, 1, padded / 2**k or 1]."""
        at = 0

        def take(size: int, k: int) -> Tensor:
            nonlocal at
            width = 1 if self.total else self.geometry.stops[k] - self.geometry.starts[k]
            s = S[..., at : at + size * width].unflatten(-1, (size, width)).movedim(-2, 0)
            at += size * width
            return s if self.total else self.uncrop(s, k)

        return take

    def uncrop(self, s: Tensor, k: int) -> Tensor:
        size, start = self.geometry.padded >> k, self.geometry.starts[k]
        return torch.nn.functional.pad(s, (start, size - start - s.shape[-1]))
