"""How the arpeggiator listens: from a recording to the parameters that may have made it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from invsound import least_squares

from .chirp import LN2, phase, wide
from .lines import WINDOW, Lines, Sound, demodulate, find, straighten

BAND = 64.0  # Hz around a line: all that the tremolo and the envelope need


def listen(x: Tensor, sample_rate: float, width: float, count: int = 4) -> Tensor:
    """Sound x [N] → θ [K, 3], best first: whatever its gain and its place in time.

    A chirp is found as a line in log-frequency, made precise, and the sound brought down to 0 Hz along it. What is left, a
    tremolo under its envelope, is located by a matched filter. Then all parameters are refined by least squares, at first
    with the phase of the carrier free. Candidates are in order of the energy that they explain.
    """
    x = wide(x.detach()).nan_to_num(0, 0, 0)
    if len(x) < 2 * WINDOW * sample_rate or not x.abs().max() > 0:
        return x.new_empty(0, 3)
    sound, lines = find(x / x.abs().max(), sample_rate, count)
    for band, margin in ((2 * BAND, 0.2), (BAND, 0.1), (BAND, 0.05)):
        lines = straighten(sound, lines, width, band, margin)
    return _Beats(sound, lines, width, 0.5 / sample_rate).fit()


class _Beats:
    """The sound along each line at 0 Hz, y [K, n], and the model of it with q = (ln f0, ln fm, ln γ, place, gain, phase)."""

    def __init__(self, sound: Sound, lines: Lines, width: float, delay: float) -> None:
        self.lines, self.width, self.delay = lines, width, delay
        self.y, self.t = demodulate(sound, lines, BAND)
        self.target = torch.view_as_real(self.y).flatten(1)
        self.reference = lines.phase(self.t)

    def model(self, q: Tensor, reference: Tensor) -> Tensor:
        """One row: real and imaginary parts of y, interleaved [2n]. The phase is 0 if q has no sixth entry."""
        (f0, fm, gamma), place, gain, turn = q[:3].exp(), q[3], q[4], q[5:].sum() - math.pi / 2
        t = self.t - place
        beats = gain * torch.sin(2 * math.pi * fm * t) * torch.exp(-0.5 * (gamma * (t + self.delay) / self.width) ** 2)
        angle = phase(f0, gamma, t) - reference + turn
        return torch.stack([beats * angle.cos(), beats * angle.sin()], -1).flatten()

    def _residual(self, q: Tensor) -> Tensor:
        return torch.func.vmap(self.model)(q, self.reference) - self.target

    def fit(self) -> Tensor:
        """θ [K, 3]."""
        q = least_squares(self._residual, self._tied(least_squares(self._residual, self._start())))
        m = torch.func.vmap(self.model)(q, self.reference)
        explained = self.target.square().sum(1) - (self.target - m).square().sum(1)
        q = q[explained.argsort(descending=True), :3]
        return q[q.isfinite().all(1)].exp()

    def _start(self) -> Tensor:
        fm, place = self._matched_filter()
        f0 = self.lines.f[:, 0] * 2 ** (self.lines.gamma[:, 0] * place)
        q = torch.stack([f0.log(), fm.log(), self.lines.gamma[:, 0].log(), place, torch.ones_like(fm), torch.zeros_like(fm)], 1)
        m = torch.view_as_complex(torch.func.vmap(self.model)(q, self.reference).unflatten(1, (-1, 2)))
        A = (m.conj() * self.y).sum(1) / m.abs().square().sum(1)
        return torch.cat([q[:, :4], A.abs()[:, None], A.angle()[:, None]], 1)

    def _matched_filter(self) -> tuple[Tensor, Tensor]:
        """fm [K] in Hz and the place [K] in s of the tremolo under its envelope, from templates."""
        w = (self.y * torch.exp(-0.5j * self.y.square().sum(1, keepdim=True).angle())).real
        middle, n = len(self.t) // 2, 8 * len(self.t)  # correlated without wrapping, and at a quarter of the time step
        t, gamma = self.t - self.t[middle], self.lines.gamma[..., None]
        fm = 2 ** torch.arange(1.75, 4.26, 1 / 48, dtype=t.dtype, device=t.device)
        templates = torch.sin(2 * math.pi * fm[:, None] * t) * torch.exp(-0.5 * (gamma * t / self.width) ** 2)
        templates = templates / templates.norm(dim=-1, keepdim=True)
        spectrum = torch.fft.rfft(w, n // 4)[:, None] * torch.fft.rfft(templates, n // 4).conj()
        best = torch.fft.irfft(spectrum, n).abs().flatten(1).argmax(1)
        lag = (best % n + n // 2) % n - n // 2
        return fm[best // n], self.t[middle] + lag * (t[1] - t[0]) / 4

    def _tied(self, q: Tensor) -> Tensor:
        """q without its phase, moved to the nearest place where the carrier starts at 0 or, with a negative gain, at π."""
        half_turns = (q[:, 5] / math.pi).round()
        late = (half_turns - q[:, 5] / math.pi) / 2 / q[:, 0].exp()
        sign = 1 - 2 * (half_turns % 2)
        return torch.stack([q[:, 0] + LN2 * q[:, 2].exp() * late, q[:, 1], q[:, 2], q[:, 3] + late, q[:, 4] * sign], 1)
