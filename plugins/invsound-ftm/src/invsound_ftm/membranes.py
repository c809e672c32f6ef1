"""Membranes heard in a sound whose pitches fall, and how each may have been struck."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from invsound import Space, Synth

from . import clock
from .drum import Drum
from .listen import Ear, distinct, separate
from .modes import spectrum
from .warp import read

MOST, ENOUGH = 30, 0.9
SPANNED, BEGUN = 8192, 2048  # samples that a membrane is to explain: all of it, and its clock
TAILS = (0.02, 0.06, 0.2)  # s
EVEN = (1e-4, 0.05)  # δ and T_g of a clock that runs evenly, but for a derivative
FEW, MANY = (14, 7), (26, 13)  # places of strike and pick-up, and contacts, that are tried
NEAREST, APART = 100, 0.06
GLIDES, TIMES, FINER = 16, 8, 6
PS, ALPHAS = torch.logspace(-5, 0, 11, dtype=torch.float64), (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0)


class Struck(NamedTuple):
    """θ [10] of a drum without noise, and the share of a sound's slope that it explains."""

    theta: Tensor
    share: float


def membranes(synth: Synth, x: Tensor, tails: bool = True) -> list[Struck]:
    """Drums with partials of x [n], the best first: heard by a clock that runs evenly, by the clock by which the spectrum of x has the
    least entropy, and in its `tails`, where the pitches may have come to rest."""
    rate, times = synth.signal.sample_rate, synth.ends("glide_time")
    low, high = synth.ends("glide")
    grid = clock.glide(x, rate, high - low, times)
    found = []
    for kept in dict.fromkeys([EVEN, clock.nearer(x, rate, *grid, high - low, times) if grid[0] else EVEN]):
        m = read(x[None], torch.from_numpy(clock.moments(len(x), rate, *kept))[None] * rate)[0]
        found += [one for theta in heard(synth, m, MOST) for one in struck(synth, x[:SPANNED], theta, kept)]
    for start in TAILS if tails and max((one.share for one in found), default=0) < ENOUGH else ():
        found += [_begun(synth, x, theta) for theta in heard(synth, x[round(start * rate) :], 1)]
    return sorted(found, key=lambda one: -one.share)


def heard(synth: Synth, m: Tensor, most: int) -> Tensor:
    """θ [K, 5], K ≤ `most`, of membranes that have the partials of m [n], the best first."""
    membrane = Drum(replace(synth.membrane.options, strike=0.37, pickup=0.41))  # where no mode is still
    omega, *others = synth.space[: len(membrane.space)]
    membrane.space = Space(replace(omega, low=omega.low / 10), *others)  # a pitch that has fallen
    if len(m) < BEGUN or not m.abs().max() > 0:
        return m.new_empty(0, len(membrane.space))
    ear = Keen(membrane, m)
    nu = membrane.space.to_nu(membrane.hypotheses(ear.heard)).clamp(-1, 1)
    if len(nu):
        for few, kept in ((6, 3000), (24, 300 if most > 1 else 100)):
            nu = nu[ear.score(nu.float(), 1e-2, few).argsort(descending=True)[:kept]]
        nu = distinct(torch.cat([ear.fit(nu), nu[:200]]), most, apart=0.01)
    return membrane.space.to_theta(nu)


def _begun(synth: Synth, x: Tensor, theta: Tensor) -> Struck:
    """A membrane θ [5], heard after its pitches have come to rest, by the clock with which it explains most of x [n] from the start."""
    times, most = synth.ends("glide_time"), synth.ends("glide")[1] - 0.01

    def tried(glide: float, time: float, samples: int = BEGUN, sticks: tuple[int, int] = FEW) -> tuple[Struck, float, float]:
        faster = theta / theta.new_tensor([1 - glide, 1 / (1 - glide), 1, 1, 1])
        return struck(synth, x[:samples], faster, (glide, time), 1, sticks)[0], glide, time

    def best(clocks: Iterable[tuple[float, float]]) -> tuple[Struck, float, float]:
        return max((tried(*kept) for kept in clocks), key=lambda one: one[0].share)

    glides, spans = torch.logspace(-2.5, -0.05, GLIDES).tolist(), torch.logspace(*map(math.log10, times), TIMES).tolist()
    _, glide, time = best((d, T) for d in glides for T in spans)
    for k in range(FINER):
        steps = [math.exp(s / 2**k) for s in (-0.3, -0.15, 0, 0.15, 0.3)]
        _, glide, time = best((min(glide * a, most), time * b) for a in steps for b in steps)
    return tried(glide, time, SPANNED, MANY)[0]


def around(synth: Synth, x: Tensor, theta: Tensor, most: int) -> list[Struck]:
    """The drums like θ [10] that explain most of x [n], the best first, up to `most`, each struck elsewhere: with the decays that suit, and
    narrower or wider, for where α is small, p/α and D/α say nearly all."""
    low = synth.bottom("glide")
    bounds = torch.tensor([[p.low, p.high] for p in synth.space[:5]], dtype=theta.dtype).T
    omega, tau, p, D, alpha = theta[:5]
    tried = [torch.stack([omega, tau, p * a, D * a, alpha * a]) for a in ALPHAS]
    tried += [torch.stack([omega, tau, other, D, alpha]) for other in PS]
    tried += [torch.stack([omega, tau, p, D, alpha * a]) for a in ALPHAS]
    kept = float(theta[8]) - low, float(theta[9])
    found = [one for row in tried for one in struck(synth, x[:SPANNED], row.clamp(*bounds), kept, most)]
    found.sort(key=lambda one: -one.share)
    return [found[k] for k in separate(torch.stack([one.theta[5:7] for one in found]), most, APART)]


def struck(synth: Synth, x: Tensor, theta: Tensor, kept: tuple[float, float], most: int = 1, tried: tuple[int, int] = MANY) -> list[Struck]:
    """The `most` strikes, pick-ups and contacts with which a membrane θ [5] by this clock explains most of the slope of x [n].

    The modes span a space in which every stick is a vector: of thousands of these none is made a sound of.
    """
    rate, (least, longest) = synth.signal.sample_rate, synth.ends("contact")
    omega, sigma = (rates[0].float() for rates in synth.membrane.modes(theta[None]))
    low = (omega < math.pi * rate).nonzero()[:, 0]
    omega, sigma = omega[low], sigma[low]
    t = clock.clock(torch.arange(len(x), dtype=torch.float32) / rate, *kept)
    modes = (torch.exp(-sigma[:, None] * t) * torch.sin(omega[:, None] * t)).diff(dim=1)
    slope, both = x.diff().float(), torch.combinations(torch.linspace(0.01, 0.5, tried[0]), with_replacement=True)
    contact = torch.cat([torch.zeros(1), torch.logspace(math.log10(least), math.log10(longest), tried[1])])
    A = (synth.shape(both[:, :1], both[:, 1:])[:, None, low] * (spectrum(omega * contact[:, None]) / omega)).flatten(0, 1)
    explained = (A @ (modes @ slope)).clamp_min(0) ** 2 / ((A @ (modes @ modes.mT)) * A).sum(1).clamp_min(1e-30) / slope.square().sum()
    share, longs = explained.unflatten(0, (len(both), -1)).max(1)
    order = share.argsort(descending=True)
    clocked = theta.new_tensor([synth.bottom("glide") + kept[0], kept[1]])
    return [
        Struck(torch.cat([theta, both[k].to(theta), contact[longs[k], None].to(theta) + least, clocked]), float(share[k]))
        for k in order[separate(both[order[:NEAREST]], most, APART)]
    ]


class Keen(Ear):
    """An `Ear` to which weak partials say nearly as much as loud ones, and no partial's loudness says what mode it is."""

    def __init__(self, synth: Drum, x: Tensor) -> None:
        super().__init__(synth, x)
        self.energy = self.energy**0.15

    def meeting(self, rates: Tensor, tolerance: float, most: int) -> tuple[Tensor, Tensor]:
        omega, sigma = rates.unbind(1)
        slowest = 0.1 / self.duration
        pairs = ((self.heard.omega, omega, tolerance), (self.heard.sigma.clamp_min(slowest), sigma.clamp_min(slowest), 0.5))
        away = sum(((a[:most].to(b).log()[:, None] - b.log()[:, None]) / scale) ** 2 for a, b, scale in pairs)
        return 1 / (1 + away), torch.ones_like(omega)

    def score(self, nu: Tensor, tolerance: float, most: int) -> Tensor:
        heard = self.energy[:most].sqrt().to(nu)
        near = [self.meeting(self.rates(rows), tolerance, most)[0].amax(2) for rows in nu.split(1000)]
        return torch.cat(near) @ heard / heard.sum()
