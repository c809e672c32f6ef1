"""Hearing a modal synthesizer in a sound: hypotheses on what its partials are, refined, and ranked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from invsound import Partials, Synth, derivatives, modal_energy, newton, partials

from .evolution import search
from .waveform import fit

LOUD = 64  # partials listened to
WINDOW = 16384  # samples analysed, 0.74 s
FOUND = 0.13  # misfit of the waveform, relative: below it the sound is the synthesizer's own, perhaps in noise


def listen(synth: Synth, x: Tensor, hypotheses: Callable[[Partials], Tensor], most: int = 8) -> Tensor:
    """Candidates ν [K, P], best first, K ≤ `most`, for the sound x [N]; none where no partial is heard.

    `hypotheses` maps partials to θ [C, P], thousands of them. Those whose modes meet the partials are fitted to these, and then to the
    waveform. Where that does not explain it, as with a real drum, the nearest in timbre are searched for. Deterministic, on the CPU.
    """
    synth = type(synth)(synth.options)
    sound = x.detach().cpu().double()
    ear = Ear(synth, sound)
    nu = synth.space.to_nu(hypotheses(ear.heard)).clamp(-1, 1)
    if not len(nu):
        return x.new_empty(0, len(synth.space))
    nu = nu[ear.score(nu.float(), 1e-2, 12).argsort(descending=True)]
    fitted, short = ear.fit(nu[:300]), replace(synth.options, num_samples=min(WINDOW, synth.signal.num_samples))
    best, misfit = fit(type(synth)(short), sound, fitted[:3])
    best = best[misfit.argsort()]
    if misfit.min() > FOUND:
        alike = search(synth, sound, torch.cat([best, fitted, nu[:: max(1, len(nu) // 128)]]))
        best = torch.cat([distinct(alike, most - 1, apart=0.1), best])
    return distinct(best, most).to(x)


def distinct(nu: Tensor, most: int, apart: float = 1e-3) -> Tensor:
    """The first `most` rows of ν that are `apart` from those before, in some parameter."""
    return nu[separate(nu, most, apart)]


def separate(nu: Tensor, most: int, apart: float) -> list[int]:
    """Which rows these are."""
    near, kept = torch.cdist(nu, nu, p=math.inf) < apart, list[int]()
    for k in range(len(nu)):
        if len(kept) < most and not near[k, kept].any():
            kept.append(k)
    return kept


def nearest(found: list[tuple[Tensor, Tensor]], most: int) -> tuple[Tensor, Tensor]:
    """The `most` nearest of ν [K, P], and their distances [K], of several descents."""
    distance, order = torch.cat([far for _, far in found]).sort()
    return torch.cat([nu for nu, _ in found])[order[:most]], distance[:most]


class Ear:
    """The loud partials of x, from its attack on, and how well the modes at ν meet them: in frequency, decay and energy."""

    def __init__(self, synth: Synth, x: Tensor) -> None:
        self.synth, self.sample_rate = synth, synth.signal.sample_rate
        self.duration = WINDOW / 2 / self.sample_rate
        self.audible = synth.shape.nonzero()[:, 0]
        start = int((x.abs() >= 0.5 * x.abs().max()).to(torch.uint8).argmax())
        heard = partials(x[start:], self.sample_rate, num_samples=WINDOW)
        E = modal_energy(heard.sigma, heard.amplitude, self.duration)
        loud = min(LOUD, int((1e-8 * E[:1] < E).sum()))
        self.heard, self.energy = Partials(*(part[:loud] for part in heard)), E[:loud] / E[:1]

    def rates(self, nu: Tensor) -> Tensor:
        """ω and σ of the modes that can be heard: [C, 2, M]."""
        return torch.stack(self.synth.modes(self.synth.space.to_theta(nu)), 1)[..., self.audible]

    def meeting(self, rates: Tensor, tolerance: float, most: int) -> tuple[Tensor, Tensor]:
        """How near the `most` loudest partials and the modes are, 0–1, [C, I, M], by log ω to `tolerance`; the modes' energies [C, M]."""
        omega, sigma = rates.unbind(1)
        E = modal_energy(sigma, self.synth.shape[self.audible].to(omega) / omega, self.duration)
        E = torch.where(omega < math.pi * self.sample_rate, E, 1e-30)
        E = (E / E.amax(1, keepdim=True)).clamp_min(1e-30)
        slowest = 0.1 / self.duration
        pairs = [(self.heard.omega, omega, tolerance), (self.energy, E, 3.0)]
        pairs += [(self.heard.sigma.clamp_min(slowest), sigma.clamp_min(slowest), 0.3)]
        distance = sum(((a[:most].to(b).log()[:, None] - b.log()[:, None]) / scale) ** 2 for a, b, scale in pairs)
        return 1 / (1 + distance), E

    def score(self, nu: Tensor, tolerance: float, most: int) -> Tensor:
        """The share of the `most` loudest partials that modes explain, times the share of audible modes that are there: [C]."""
        heard, scores = self.energy[:most].sqrt().to(nu), []
        for rows in nu.split(1000):
            near, E = self.meeting(self.rates(rows), tolerance, most)
            sounding = E.sqrt() * (2 * self.energy[:most].min() < E)
            explained = (heard * near.amax(2)).sum(1) / heard.sum()
            scores.append(explained * (sounding * near.amax(1)).sum(1) / sounding.sum(1))
        return torch.cat(scores)

    def fit(self, nu: Tensor) -> Tensor:
        """ν fitted to the partials, first to the loudest and within a hundredth, then to all of them and to their precision; best first."""
        for tolerance, most, survivors in ((1e-2, 12, 300), (3e-3, 16, 32), (1e-3, LOUD, 16), (1e-5, LOUD, 16), (1e-7, LOUD, 16)):
            for _ in range(3):
                nu = self.improve(nu, tolerance, most)
            nu = nu[self.score(nu, max(tolerance, 1e-3), most).argsort(descending=True)]
            nu = distinct(nu, survivors)
        return nu

    def improve(self, nu: Tensor, tolerance: float, most: int) -> Tensor:
        """One Gauss–Newton step from each ν, each partial being drawn to the mode that is nearest, and those far away but little."""
        rates, J = derivatives(self.rates, nu)
        mode = self.meeting(rates, max(tolerance, 1e-3), most)[0].argmax(2)[:, None].expand(-1, 2, -1)
        heard = torch.stack([self.heard.omega, self.heard.sigma])[:, :most]
        allowed = tolerance * heard * heard.new_tensor([[1.0], [30.0]])  # decays are heard less well
        scale = (allowed**2 + (3 * self.heard.deviation[:most]) ** 2).sqrt()
        r = (rates.gather(2, mode) - heard) / scale
        J = J.gather(2, mode[..., None].expand(*mode.shape, nu.shape[1])) / scale[..., None]
        weight = (self.energy[:most].sqrt() / (1 + (r**2).sum(1, keepdim=True))).sqrt()  # Cauchy's
        step = newton((J * weight[..., None]).flatten(1, 2), (r * weight).flatten(1), nu.new_full(nu.shape, 1e-3))
        return (nu + step.clamp(-0.3, 0.3)).clamp(-1, 1)
