"""Noise that is known by its seed, heard in a sound."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from invsound import Synth, least_squares

WINDOW = 1024  # samples
PER_OCTAVE = 4
LONGER = 1.25  # each stretch of time than the one before
INDEPENDENT = 1 / 3  # of the frames, which overlap
TRIED, FEWER = (24, 8, 12), (24, 4, 8)  # centres, widths, decays: of models, and of sounds
COHERENT = 2048  # samples compared with a grid of sounds
NAMES = ("noise_frequency", "noise_width", "noise_decay")


class Hiss(NamedTuple):
    """The gain of noise of variance 1, its centre in Hz, width in octaves and decay in s, [4]; the `sound` [n]; and χ², which is less than
    ten in a sound that has none of it."""

    theta: Tensor
    sound: Tensor
    chi2: float


class Cells(NamedTuple):
    """By band and stretch of time: the `power` of a sound, its regression on white noise and the standard deviation of that, Hz and s."""

    power: Tensor
    gain: Tensor
    deviation: Tensor
    f: Tensor
    t: Tensor


class Hearing:
    """What of a sound is the noise of `synth`, of which all but four numbers is known: log gain, log centre, log width, log decay.

    In every cell of time and frequency x is regressed on the white noise, and what is left is the regression's error. The noise's model,
    a normal density over octaves that decays, is fitted to these gains; from there, and from the nearest of a grid of noises, which tells
    what is too short for cells, to the waveform. Of these fits the one is taken that leaves less in the cells, in dB.
    """

    def __init__(self, synth: Synth) -> None:
        self.synth, self.sample_rate = synth, synth.signal.sample_rate
        ends = torch.tensor([synth.ends(name) for name in NAMES])
        self.low, self.high = torch.cat([torch.tensor([[-60.0, 20.0]]), ends.log()]).double().T
        self.white = synth.band(torch.ones_like(synth.response(*torch.ones(2, 1, 1, dtype=torch.float64))))[0]
        short = type(synth)(replace(synth.options, num_samples=min(COHERENT, synth.signal.num_samples)))
        self.grid = self._grid(FEWER)
        self.beginnings = torch.cat([_sound(short, rows) for rows in self.grid.split(64)])

    def __call__(self, x: Tensor) -> Hiss:
        """Of x [n], float64; it may be next to nothing."""
        white, within = self.white[: len(x)], {"low": self.low, "high": self.high, "longest": 0.5}
        heard = cells(x, white, self.sample_rate)
        q, chi2 = self._explaining(heard)
        by_gain = least_squares(lambda q: (_model(q, heard) - heard.gain) / heard.deviation, q, **within)
        starts = torch.cat([by_gain, self._nearest(x)])
        by_wave = least_squares(lambda q: (_sound(self.synth, q)[:, : len(x)] - x) / x.norm(), starts, **within)
        fits = [(q, x - _sound(self.synth, q)[0, : len(x)]) for q in torch.cat([by_gain, by_wave]).split(1)]
        q, rest = min(fits, key=lambda fit: float(cells(fit[1], white, self.sample_rate).power.log().sum()))
        theta = q[0].exp()
        theta[0] *= self.synth.response(*theta[1:3, None, None]).square().mean().sqrt()
        return Hiss(theta, x - rest, chi2)

    def _explaining(self, heard: Cells) -> tuple[Tensor, float]:
        """The point of a grid [1, 4] that explains most of the gains, with the gain that suits it, and the χ² that it takes away."""
        grid = self._grid(TRIED)
        q, chi2 = _scaled(grid, _model(grid, heard) / heard.deviation, heard.gain / heard.deviation)
        return q.clamp(self.low, self.high), chi2

    def _nearest(self, x: Tensor) -> Tensor:
        """The point of a grid [1, 4] whose sound, scaled, is nearest to the beginning of x."""
        n = min(self.beginnings.shape[1], len(x))
        return _scaled(self.grid, self.beginnings[:, :n], x[:n])[0].clamp(self.low, self.high)

    def _grid(self, counts: tuple[int, ...]) -> Tensor:
        """[K, 4], of gain 1."""
        axes = [torch.linspace(float(a), float(b), n).double() for a, b, n in zip(self.low[1:], self.high[1:], counts, strict=True)]
        grid = torch.cartesian_prod(*axes)
        return torch.cat([torch.zeros_like(grid[:, :1]), grid], 1)


def _scaled(grid: Tensor, made: Tensor, heard: Tensor) -> tuple[Tensor, float]:
    """The row of a grid [K, 4] [1, 4] whose vector, one of `made` [K, n], comes nearest to `heard` [n] when it is scaled, as it is scaled
    then; and by how much ‖heard‖² becomes less."""
    along, power = (made @ heard).clamp_min(0), made.square().sum(1).clamp_min(1e-30)
    less, k = (along**2 / power).max(0)
    return torch.cat([(along[k] / power[k]).clamp_min(1e-9).log()[None], grid[k, 1:]])[None], float(less)


def _sound(synth: Synth, q: Tensor) -> Tensor:
    """[K, 4] → [K, N]."""
    gain, centre, width, decay = q.exp()[..., None].unbind(-2)
    t = torch.arange(synth.signal.num_samples, dtype=q.dtype) / synth.signal.sample_rate
    h = synth.response(centre, width)
    return gain * torch.exp(-t / decay) * h.square().mean(1, keepdim=True).sqrt() * synth.band(h)


def cells(x: Tensor, white: Tensor, sample_rate: float) -> Cells:
    """x [n] on the noise [n], band by band, for stretches of time that become longer."""
    window = torch.hann_window(WINDOW, dtype=x.dtype)
    X, W = torch.stft(torch.stack([x, white]), WINDOW, WINDOW // 4, window=window, pad_mode="constant", return_complex=True)
    f = torch.fft.rfftfreq(WINDOW, 1 / sample_rate, dtype=x.dtype).clamp_min(sample_rate / WINDOW)
    t = (torch.arange(X.shape[1], dtype=x.dtype) * (WINDOW // 4)) / sample_rate
    band = ((f / f[0]).log2() * PER_OCTAVE).long()
    stretch = torch.arange(X.shape[1]).add(4).log().div(math.log(LONGER)).long()
    place = (band[:, None] * (stretch.max() + 1) + stretch).flatten()

    def pooled(values: Tensor) -> Tensor:
        return values.new_zeros(int(place.max()) + 1).index_add(0, place, values.expand(X.shape).flatten())

    count = pooled(torch.ones_like(t))
    some = count > 0
    cross, noise, power = (pooled(v) for v in ((X * W.conj()).real, W.abs().square(), X.abs().square() + 1e-12))
    deviation = (power / noise / (count * INDEPENDENT).clamp_min(1)).sqrt()
    return Cells(*(values[some] for values in (power, cross / noise, deviation, pooled(f[:, None]) / count, pooled(t) / count)))


def _model(q: Tensor, heard: Cells) -> Tensor:
    gain, centre, width, decay = q.exp()[..., None].unbind(-2)
    return gain * torch.exp(-0.5 * ((heard.f / centre).log2() / width) ** 2 - heard.t / decay)
