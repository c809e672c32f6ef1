"""The transform of columns, a sound and its tangents: linear maps that treat all alike, and a modulus that knows which is which."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .band import Band
from .padding import pad, unpad
from .plan import Joint, Plan


def modulus(z: Tensor) -> Tensor:
    """Columns z [..., C, T] complex → |z| of column 0, d|z| = Re(z̄ dz)/|z| of the others (0 where z = 0)."""
    if z.shape[-2] == 1:
        return z.abs()
    size, phase = z[..., :1, :].abs(), z[..., :1, :].sgn()
    return torch.cat([size, (phase.conj() * z[..., 1:, :]).real], -2)


def rfft_adjoint(spectrum: Tensor, size: int) -> Tensor:
    """Adjoint of `torch.fft.rfft` for the inner product Re Σ āb: [..., size/2 + 1] → [..., size]; overwrites `spectrum`."""
    spectrum[..., 1 : (size + 1) // 2] *= 0.5
    return torch.fft.irfft(spectrum, size, norm="forward")


class Cascade:
    """x → S for one block of sounds, and its adjoint.

    Columns are x [G, C, N]: G sounds, each with its value in column 0 and C − 1 tangents. The output has, in this order, S0,
    the first order and the second order, each path flattened to (n1, time).
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.geometry = plan, plan.geometry
        self.stride = plan.geometry.log2_stride
        self.total, self.averaged = plan.config.T == "global", plan.config.T != 0

    def push(self, x: Tensor) -> Tensor:
        """x [G, C, N] → S [G, C, D]."""
        p = pad(x, self.plan)
        X = torch.fft.rfft(p)
        U = [torch.fft.rfft(modulus(z)) for z in self.scalogram(X)]
        out = [self.crop(self.order0(p, X)[None], self.stride if self.averaged else 0)]
        if self.averaged:
            out += [self.crop(s, self.stride) for s in self.plan.first.push(self.order1(U), self.total)]
        for joint in self.plan.joints:
            out += [
                self.crop(self.average(s, joint), self.resolution(joint)) for s in joint.frequency.push(self.order2(joint, U), self.total)
            ]
        return torch.cat([s.movedim(0, -2).flatten(-2) for s in out], -1)

    def pull(self, x: Tensor, S: Tensor) -> Tensor:
        """The adjoint of the derivative of `push` at x [G, 1, N], applied to S [G, 1, D] → [G, 1, N]: recomputes, stores little."""
        p = pad(x, self.plan)
        X = torch.fft.rfft(p)
        Z = list(self.scalogram(X))
        U = [torch.fft.rfft(modulus(z)) for z in Z]
        p_bar, X_bar, U_bar = torch.zeros_like(p), torch.zeros_like(X), [torch.zeros_like(u) for u in U]
        take = self.reader(S)
        self.order0_adjoint(take(1, self.stride if self.averaged else 0)[0], p_bar, X_bar)
        if self.averaged:
            first = self.plan.first
            self.order1_adjoint(first.pull(self.order1(U), [take(path.size, self.stride) for path in first.paths]), U_bar)
        for joint in self.plan.joints:
            grads = [self.average_adjoint(take(path.size, self.resolution(joint)), joint) for path in joint.frequency.paths]
            self.order2_adjoint(joint, joint.frequency.pull(self.order2(joint, U), grads), U_bar)
        for group, z, u in zip(self.plan.groups, Z, U_bar, strict=True):
            Z_bar = torch.fft.fft(z.sgn() * rfft_adjoint(u, group.size), norm="forward")
            for band, bins in zip(group.bands, Z_bar, strict=True):
                band.pull(bins, X_bar)
        return unpad(p_bar + rfft_adjoint(X_bar, self.geometry.padded), self.plan)

    def scalogram(self, X: Tensor):
        """Half spectrum of the padded sound → per group, x * psi [n1, G, C, size], complex."""
        for group in self.plan.groups:
            Z = X.new_empty(len(group.bands), *X.shape[:-1], group.size)
            for band, z in zip(group.bands, Z, strict=True):
                band.push(X, z)
            yield torch.fft.ifft(Z)

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
        """Half spectra of the scalogram → S1 before log-frequency [n1, G, C, padded/stride], as complex numbers."""
        S = torch.cat([self.smooth(u, group.average) for u, group in zip(U, self.plan.groups, strict=True)])
        return torch.complex(S, torch.zeros_like(S))

    def order1_adjoint(self, S: Tensor, U_bar: list[Tensor]) -> None:
        for s, group, u in zip(S.real.split([len(group.bands) for group in self.plan.groups]), self.plan.groups, U_bar, strict=True):
            self.smooth_adjoint(s, group.average, u)

    def order2(self, joint: Joint, U: list[Tensor]) -> Tensor:
        """Half spectra of the scalogram → its convolution with the wavelet n2 [n_max, G, C, size], complex."""
        Y = U[0].new_empty(joint.n_max, *U[0].shape[1:-1], joint.size)
        for (rows, band), u in zip(joint.inputs, U, strict=False):
            band.push(u[: rows.stop - rows.start], Y[rows])
        return torch.fft.ifft(Y)

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
        """The adjoint of the assembly: `take(size, k)` gives the next path of S [G, 1, D] as [size, G, 1, padded / 2**k or 1]."""
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
