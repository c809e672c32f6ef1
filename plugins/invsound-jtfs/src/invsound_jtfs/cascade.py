"""The transform of columns, a sound and its tangents: linear maps that treat all alike, and a modulus that knows which is which."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .band import Band
from .padding import pad, unpad
from .plan import Group, Joint, Plan
from .threads import Map

BLOCK = 1 << 20
"""Complex numbers in one Fourier transform: more of them pay for fresh pages of memory, fewer for its table of sines at every call."""


def rfft_adjoint(spectrum: Tensor, size: int) -> Tensor:
    """Adjoint of the first bins of `torch.fft.rfft` for the inner product Re Σ āb: [..., bins] → [..., size]; overwrites `spectrum`."""
    spectrum[..., 1 : (size + 1) // 2] *= 0.5
    x: Tensor = torch.fft.irfft(spectrum, size, norm="forward")
    return x


def ifft(Z: Tensor) -> Tensor:
    """Along the last dimension of Z [n, C, T], in place if it is large."""
    count = max(1, BLOCK // Z[0].numel())
    if count >= len(Z):
        return torch.fft.ifft(Z)
    for part in Z.split(count):
        part.copy_(torch.fft.ifft(part))
    return Z


class Cascade:
    """x → S for one sound and its tangents, and the adjoint; `spread` maps over independent pieces.

    Columns are x [C, N]: the sound, then C − 1 tangents. So are the outputs [C, D]: S, then its derivatives. Along D come S0, the first
    order and the second order, each path flattened to (n1, time).
    """

    def __init__(self, plan: Plan, spread: Map = map) -> None:
        self.plan, self.geometry, self.loops, self.spread = plan, plan.geometry, plan.first.loops, spread
        self.stride = plan.geometry.log2_stride
        self.total, self.averaged = plan.config.T == "global", plan.config.T != 0

    def push(self, x: Tensor) -> Tensor:
        """x [C, N] → S [C, D]."""
        p = pad(x.detach(), self.plan)
        X = torch.fft.rfft(p)
        U = self.spectra(lambda group, bands: self.scalogram(X, group, bands), X)
        out = [self.flatten([self.order0(p, X)[None]], self.stride if self.averaged else 0)] if self.plan.low else []
        if self.plan.low and self.averaged:
            out.append(self.flatten(self.plan.first.push(self.order1(U), self.total), self.stride))

        def order2(joint: Joint) -> Tensor:
            return self.flatten(joint.frequency.push(self.order2(joint, U), self.total, joint.lowpass), self.resolution(joint))

        return torch.cat([*out, *self.spread(order2, self.plan.joints)], -1)

    def pull(self, x: Tensor, S: Tensor) -> Tensor:
        """The adjoint of the derivative of `push` at x [1, N], applied to S [1, D] → [1, N]: recomputes, stores little."""
        p = pad(x.detach(), self.plan)
        X = torch.fft.rfft(p)
        Z: dict[tuple[int, int], Tensor] = {}

        def scalogram(group: Group, bands: slice) -> Tensor:
            Z[group.size, bands.start] = z = self.scalogram(X, group, bands)
            return z

        U = self.spectra(scalogram, X)
        p_bar, X_bar, U_bar = torch.zeros_like(p), torch.zeros_like(X), [torch.zeros_like(u) for u in U]
        take = self.reader(S.detach())
        if self.plan.low:
            self.order0_adjoint(take(1, self.stride if self.averaged else 0)[0], p_bar, X_bar)
        if self.plan.low and self.averaged:
            first = self.plan.first
            self.order1_adjoint(first.pull(self.order1(U), [take(path.size, self.stride) for path in first.paths]), U_bar)

        def order2(task: tuple[Joint, list[Tensor]]) -> list[Tensor]:
            joint, grads = task
            return self.order2_adjoint(joint, joint.frequency.pull(self.order2(joint, U), grads, joint.lowpass))

        grads = [[take(path.size, self.resolution(joint)) for path in joint.frequency.paths] for joint in self.plan.joints]
        for parts in self.spread(order2, list(zip(self.plan.joints, grads, strict=True))):
            for u, part in zip(U_bar, parts, strict=False):
                u[: len(part), :, : part.shape[-1]] += part

        def order1(block: tuple[Group, slice]) -> Tensor:
            group, bands = block
            return self.scalogram_adjoint(group, bands, Z.pop((group.size, bands.start)), U_bar[self.plan.groups.index(group)][bands])

        for part in self.spread(order1, self.blocks(1)):
            X_bar += part
        return unpad(p_bar + rfft_adjoint(X_bar, self.geometry.padded), self.plan)

    def blocks(self, C: int) -> list[tuple[Group, slice]]:
        """All first-order wavelets, so many of a group at once as one Fourier transform shall take."""
        counts = [max(1, BLOCK // (C * group.size)) for group in self.plan.groups]
        return [(g, slice(at, at + n)) for g, n in zip(self.plan.groups, counts, strict=True) for at in range(0, len(g.bands), n)]

    def spectra(self, scalogram: Callable[[Group, slice], Tensor], X: Tensor) -> list[Tensor]:
        """First bins of the half spectra of the scalogram, [n1, C, bins] for each group."""
        U = {group.size: X.new_empty(len(group.bands), len(X), group.bins) for group in self.plan.groups}

        def fill(block: tuple[Group, slice]) -> None:
            group, bands = block
            U[group.size][bands] = torch.fft.rfft(self.loops.modulus(scalogram(group, bands)))[..., : group.bins]

        list(self.spread(fill, self.blocks(len(X))))
        return list(U.values())

    def scalogram(self, X: Tensor, group: Group, bands: slice) -> Tensor:
        """Half spectrum of the padded sound → x * ψ [n1, C, size] complex."""
        Z = X.new_empty(len(group.bands[bands]), len(X), group.size)
        for band, z in zip(group.bands[bands], Z, strict=True):
            self.loops.band(band, X, z)
        return torch.fft.ifft(Z)

    def scalogram_adjoint(self, group: Group, bands: slice, z: Tensor, U: Tensor) -> Tensor:
        X = U.new_zeros(1, self.geometry.padded // 2 + 1)
        self.loops.turn(z, rfft_adjoint(U, group.size))
        for band, bins in zip(group.bands[bands], torch.fft.fft(z, norm="forward"), strict=True):
            band.pull(bins, X)
        return X

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
        Y = U[0].new_empty(joint.n_max, U[0].shape[1], joint.size)
        for (rows, band), u in zip(joint.inputs, U, strict=False):
            self.loops.band(band, u[: rows.stop - rows.start], Y[rows])
        return ifft(Y)

    def order2_adjoint(self, joint: Joint, Y: Tensor) -> list[Tensor]:
        """Per group, gradients of its first rows and bins."""
        Y = torch.fft.fft(Y, norm="forward")
        U = [Y.new_zeros(rows.stop - rows.start, 1, band.bins) for rows, band in joint.inputs]
        for (rows, band), u in zip(joint.inputs, U, strict=True):
            band.pull(Y[rows], u)
        return U

    def smooth(self, spectrum: Tensor, band: Band) -> Tensor:
        """Half spectra → averaged in time [..., padded/stride]."""
        out = spectrum.new_empty(*spectrum.shape[:-1], self.geometry.padded >> self.stride)
        return torch.fft.ifft(self.loops.band(band, spectrum, out)).real

    def smooth_adjoint(self, s: Tensor, band: Band, spectrum: Tensor) -> None:
        band.pull(torch.fft.fft(s, norm="forward"), spectrum)

    def resolution(self, joint: Joint) -> int:
        return joint.k if joint.lowpass is None else self.stride

    def flatten(self, paths: list[Tensor], k: int) -> Tensor:
        """Paths [size, C, T] at resolution 2**k, without their padding in time → [C, sum of sizes · time]."""
        return torch.cat([self.crop(s, k).movedim(0, -2).flatten(-2) for s in paths], -1)

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
