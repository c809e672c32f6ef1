"""Noise that is known by its seed, heard in a sound."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from invsound import least_squares

WINDOW = 1024  # samples
PER_OCTAVE = 4
LONGER = 1.25  # each stretch of time than the one before
INDEPENDENT = 1 / 3  # of the frames, which overlap
TRIED = (24, 8, 12)  # centres, widths, decays
NAMES = ("noise_frequency", "noise_width", "noise_decay")


class Noisy(Protocol):
    """A synthesizer whose noise is white noise in a band, decaying: `StruckDrum`."""

    def ends(self, name: str) -> tuple[float, float]: ...

    def response(self, centre: Tensor, width: Tensor) -> Tensor: ...

    def band(self, response: Tensor) -> Tensor: ...


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


def hear(synth: Noisy, x: Tensor, sample_rate: float) -> Hiss:
    """What of x [n], float64, is the noise of `synth`, of which all but four numbers is known.

    In every cell of time and frequency x is regressed on the white noise, and what is left is the regression's error. The noise's model,
    a normal density over octaves that decays, is fitted to these gains, and from there to the waveform; of both fits the one is taken
    that leaves less in the cells, in dB. It may be next to nothing.
    """
    ends = torch.tensor([synth.ends(name) for name in NAMES])
    low, high = torch.cat([torch.tensor([[-60.0, 20.0]]), ends.log()]).double().T
    t = torch.arange(len(x), dtype=x.dtype) / sample_rate

    def sound(q: Tensor) -> Tensor:
        """Of log gain, log centre, log width and log decay [K, 4]: [K, n]."""
        gain, centre, width, decay = q.exp()[..., None].unbind(-2)
        h = synth.response(centre, width)
        return gain * torch.exp(-t / decay) * h.square().mean(1, keepdim=True).sqrt() * synth.band(h)[:, : len(x)]

    white = synth.band(torch.ones_like(synth.response(*torch.ones(2, 1, 1, dtype=x.dtype))))[0, : len(x)]
    heard = cells(x, white, sample_rate)
    q, chi2 = best(heard, low, high)
    by_gain = least_squares(lambda q: (_model(q, heard) - heard.gain) / heard.deviation, q, low=low, high=high, longest=0.5)
    by_wave = least_squares(lambda q: (sound(q) - x) / x.norm(), by_gain, low=low, high=high, longest=0.5)
    q = min(by_gain, by_wave, key=lambda q: float(cells(x - sound(q)[0], white, sample_rate).power.log().sum()))
    theta = q[0].exp()
    theta[0] *= synth.response(*theta[1:3, None, None]).square().mean().sqrt()
    return Hiss(theta, sound(q)[0], chi2)


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


def best(heard: Cells, low: Tensor, high: Tensor) -> tuple[Tensor, float]:
    """The point of a grid [1, 4] that explains most of the gains, with the gain that suits it, and the χ² that it takes away."""
    axes = [torch.linspace(float(a), float(b), n, dtype=low.dtype) for a, b, n in zip(low[1:], high[1:], TRIED, strict=True)]
    grid = torch.cartesian_prod(*axes)
    h = _model(torch.cat([torch.zeros_like(grid[:, :1]), grid], 1), heard) / heard.deviation
    along = (h @ (heard.gain / heard.deviation)).clamp_min(0)
    power = h.square().sum(1).clamp_min(1e-30)
    chi2, k = (along**2 / power).max(0)
    gain = (along[k] / power[k]).clamp_min(1e-9).log()
    return torch.cat([gain[None], grid[k]])[None].clamp(low, high), float(chi2)


def _model(q: Tensor, heard: Cells) -> Tensor:
    gain, centre, width, decay = q.exp()[..., None].unbind(-2)
    return gain * torch.exp(-0.5 * ((heard.f / centre).log2() / width) ** 2 - heard.t / decay)
