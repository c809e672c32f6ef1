"""The drum that a sound was made by, where it was: its noise taken out, its membrane found, and all of it fitted to the waveform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from invsound import Synth, descend

from .hiss import Hearing, Hiss
from .listen import distinct, nearest, separate
from .membranes import around, membranes
from .modes import peak_normalize

Residual = Callable[[Tensor], Tensor]
"""ν [K, P] → what is to become small [K, D]."""
FIRST, BEGINNING, MIDDLE, ENDING = (512, 8, 8), (2048, 12, 4), (8192, 12, 2), ((32768, 10, 1), (65536, 8, 1))
"""Samples fitted, steps, and how many are kept."""
STARTS, TURNS, ALIKE = 6, 2, 0.02
FLOORS = (1e-1, 1e-2, 1e-3)  # of the loudest: what is fainter counts less
WINDOW = 1024
HEARD = 16.0  # χ² of noise that is there: four standard errors
SHARE, ALONE = 0.15, 0.6  # of what is heard without the noise, which a membrane explains at least; and where no noise was heard
MADE = 0.2  # ‖g − x‖ / ‖x‖ of a sound's beginning, below which it was made by it: recordings stay above
EXACT = 1e-3  # the same: it is found


def origin(synth: Synth, x: Tensor) -> Tensor:
    """ν [K, P], K ≤ 1, of the drum of `StruckDrum` that made x [n], float64, which begins where it was struck; none if none did.

    What remains without the noise that is heard in it has the partials of membranes, and of each membrane the stick and the places that
    explain most. From the best, all parameters are fitted to the waveform, to longer and longer beginnings, from places nearby once more
    where it is not exact, and then to its short-time spectrum, as weak parts of it count more and more.
    """
    hear = Hearing(synth)
    hiss = hear(x)
    own = hiss.chi2 > HEARD
    rest = x - hiss.sound if own else x
    drums = [one for one in membranes(synth, rest, own) if one.share > (SHARE if own else ALONE)][:STARTS]
    if not drums:
        return x.new_empty(0, len(synth.space))
    noise = _noise(synth, hiss, rest.abs().max())
    theta = [torch.cat([one.theta, noise]) for drum in drums for one in around(synth, rest, drum.theta, 1)]
    nu = synth.space.to_nu(torch.stack(theta)).clamp(-1, 1)
    nu, distance = _fitted(synth, x, nu, *FIRST)
    if distance[0] > MADE:
        return nu[:0]
    nu, distance = _fitted(synth, x, nu, *BEGINNING)
    if distance[0] > MADE:
        nu, distance = nearest([(nu, distance), _again(synth, x, nu[:1], hear)], 4)
    if distance[0] > MADE:
        return nu[:0]
    nu, distance = _fitted(synth, x, nu, *MIDDLE)
    for _ in range(TURNS):
        if distance[0] > EXACT:
            again, _ = _again(synth, x, nu, hear)
            nu, distance = nearest([(nu, distance), _fitted(synth, x, again, *MIDDLE)], 2)
    for stage in ENDING:
        nu, distance = _fitted(synth, x, nu[: 2 if distance[0] > EXACT else 1], *stage)
    if distance[0] > MADE:
        return nu[:0]
    for floor in FLOORS:
        nu, _ = descend(_whitened(synth, x, floor), nu[:1], 8, enough=1e-2)
    return nu


def _again(synth: Synth, x: Tensor, nu: Tensor, hear: Hearing) -> tuple[Tensor, Tensor]:
    """What is fitted, as `_fitted` says, from drums around each ν [K, P], with its noise, and with what is heard beside its membrane."""
    starts = list[Tensor]()
    for row in nu.split(1):
        theta = synth.space.to_theta(row)
        skin, noise = peak_normalize(synth.skin(theta))[0, : len(x)], synth.hiss(theta)[0, : len(x)]
        gain = (x @ (skin + noise)) / (skin + noise).square().sum()
        hiss = hear(x - gain * skin)
        skins, beside = around(synth, x - hiss.sound, theta[0, :10], STARTS), _noise(synth, hiss, gain)
        starts += [torch.cat([theta[0, :10], beside])]
        starts += [torch.cat([one.theta, other]) for one in skins for other in (beside, theta[0, 10:])]
    return _fitted(synth, x, synth.space.to_nu(torch.stack(starts)).clamp(-1, 1), *BEGINNING)


def _fitted(synth: Synth, x: Tensor, nu: Tensor, samples: int, steps: int, most: int) -> tuple[Tensor, Tensor]:
    """The `most` nearest of ν [K, P] fitted to the waveform of so many samples of x, nearest first, and ‖residual‖."""
    nu, distance = descend(_waveform(synth, x[:samples]), distinct(nu, len(nu)), steps, enough=1e-3)
    rows = separate(nu, most, ALIKE)
    return nu[rows], distance[rows]


def _noise(synth: Synth, hiss: Hiss, peak: Tensor) -> Tensor:
    """θ [4] of the noise beside a membrane of this peak."""
    level = 20 * (hiss.theta[:1] / peak + 10 ** (synth.bottom("noise") / 20)).log10()
    return torch.cat([level, hiss.theta[1:]])


def _waveform(synth: Synth, x: Tensor) -> Residual:
    """ν [K, P] → g/‖g‖ − x/‖x‖ [K, n]."""
    made, target = _made(synth, len(x)), x / x.norm()
    return lambda nu: (g := made(nu)) / g.norm(dim=1, keepdim=True) - target


def _whitened(synth: Synth, x: Tensor, floor: float) -> Residual:
    """ν [K, P] → the short-time spectrum of g − x, over that of x, or over `floor` of its greatest where it is fainter: [K, D]."""
    made, window = _made(synth, len(x)), torch.hann_window(WINDOW, dtype=x.dtype)

    def spectrogram(x: Tensor) -> Tensor:
        return torch.stft(x, WINDOW, WINDOW // 2, window=window, pad_mode="constant", return_complex=True)

    X = spectrogram(x[None])
    scale = 1 / (X.abs() + floor * X.abs().max()) / X.numel() ** 0.5
    return lambda nu: torch.view_as_real((spectrogram(made(nu)) - X) * scale).flatten(1)


def _made(synth: Synth, n: int) -> Callable[[Tensor], Tensor]:
    """The first n samples of the sound of ν [K, P]."""
    short = type(synth)(replace(synth.options, num_samples=n)) if n < synth.signal.num_samples else synth
    return lambda nu: short(short.space.to_theta(nu))
