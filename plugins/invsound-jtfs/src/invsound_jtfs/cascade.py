"""The transform of columns: a sound and any number of tangents through the same linear maps, a modulus that knows both."""

from __future__ import annotations

import torch
from torch import Tensor

from .band import Band
from .plan import Joint, Plan

BLOCK = 1 << 17
"""Padded samples, columns included, that travel together: more only costs page faults."""


def half(x: Tensor) -> Tensor:
    """Adjoint of `torch.fft.irfft(·, norm="forward")`, and `torch.fft.rfft`'s own scale: spectra [..., N/2 + 1]."""
    return torch.fft.rfft(x)


def adjoint_half(spectrum: Tensor, size: int) -> Tensor:
    """Adjoint of `torch.fft.rfft` for the inner product Re Σ āb: [..., N/2 + 1] → [..., N]."""
    spectrum[..., 1 : (size + 1) // 2] *= 0.5
    return torch.fft.irfft(spectrum, size, norm="forward")


def pad(x: Tensor, plan: Plan) -> Tensor:
    """[..., N] → [..., padded]: zeros, or a reflection that does not repeat the border."""
    N, left = x.shape[-1], plan.geometry.left
    right = plan.geometry.padded - N - left
    if plan.config.padding == "zero":
        return torch.nn.functional.pad(x, (left, right))
    return torch.cat([x[..., 1 : left + 1].flip(-1), x, x[..., N - 1 - right : N - 1].flip(-1)], -1)


def unpad(p: Tensor, plan: Plan) -> Tensor:
    """The adjoint of `pad`."""
    N, left = plan.config.num_samples, plan.geometry.left
    right, x = p.shape[-1] - N - left, p[..., left : left + N].clone()
    if plan.config.padding == "reflect":
        x[..., 1 : left + 1] += p[..., :left].flip(-1)
        x[..., N - 1 - right : N - 1] += p[..., left + N :].flip(-1)
    return x


def modulus(z: Tensor) -> Tensor:
    """Columns z [..., C, T] complex → |z| of column 0, d|z| = Re(z̄ dz)/|z| of the others (0 where z = 0)."""
    if z.shape[-2] == 1:
        return z.abs()
    size, phase = z[..., :1, :].abs(), z[..., :1, :].sgn()
    return torch.cat([size, (phase.conj() * z[..., 1:, :]).real], -2)


class Cascade:
    """x → (S0, S1, S2) for the columns of one block of sounds, and its adjoint.

    Columns are x [G, C, N]: G sounds, each with its own value (column 0) and C − 1 tangents.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.total = plan.config.T == "global"

    def scalogram(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """x → half spectrum of the padded sound, and per group the complex output [n1, G, C, size] of the first wavelets."""
        X = torch.fft.rfft(pad(x, self.plan))
        outputs = []
        for group in self.plan.groups:
            Z = X.new_empty(len(group.bands), *X.shape[:-1], group.size)
            for band, z in zip(group.bands, Z, strict=True):
                band.push(X, z)
            outputs.append(torch.fft.ifft(Z))
        return X, outputs

    def smooth(self, spectrum: Tensor, band: Band) -> Tensor:
        """Half spectra → averaged at the stride of the output [..., padded/stride]."""
        geometry = self.plan.geometry
        return torch.fft.ifft(band.push(spectrum, spectrum.new_empty(*spectrum.shape[:-1], geometry.padded >> geometry.log2_stride))).real

    def second(self, joint: Joint, U: list[Tensor]) -> Tensor:
        """Half spectra U of the scalogram, per group → Y [n_max, G, C, size] complex: second-order wavelet n2, in time."""
        Y = U[0].new_empty(joint.n_max, *U[0].shape[1:-1], joint.size)
        at = 0
        for (count, band), u in zip(joint.inputs, U, strict=False):
            band.push(u[:count], Y[at : at + count])
            at += count
        return torch.fft.ifft(Y)

    def push(self, x: Tensor) -> Tensor:
        """x [G, C, N] → S [G, C, D]: S0, then first order, then second order."""
        plan, g = self.plan, self.plan.geometry
        X, Z = self.scalogram(x)
        U = [torch.fft.rfft(modulus(z)) for z in Z]
        del Z
        out = [self.order0(x, X)]
        if plan.config.T != 0:
            S = torch.cat([self.smooth(u, group.average) for u, group in zip(U, plan.groups, strict=True)])
            out += [self.crop(s, g.log2_stride) for s in plan.first.push(torch.complex(S, torch.zeros_like(S)), self.total)]
        for joint in plan.joints:
            for s in joint.frequency.push(self.second(joint, U), self.total):
                if joint.average is not None:
                    s = self.smooth(torch.fft.rfft(s), joint.average)
                out.append(self.crop(s, g.log2_stride if plan.config.is_local else joint.k))
        return torch.cat([s.movedim(0, -2).flatten(-2) for s in out], -1)

    def order0(self, x: Tensor, X: Tensor) -> Tensor:
        if self.total:
            return X[None, ..., :1].real
        return self.crop(self.smooth(X, self.plan.smooth), self.plan.geometry.log2_stride)[None] if self.plan.config.T else x[None]

    def crop(self, s: Tensor, k: int) -> Tensor:
        """Drop the padding at resolution 2**k."""
        return s if self.total else s[..., self.plan.geometry.starts[k] : self.plan.geometry.stops[k]]
