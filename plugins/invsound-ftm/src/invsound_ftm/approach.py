"""Coming near a recorded drum in timbre: cheap, smooth, and close to what a representation will say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter

import torch
from torch import Tensor

from invsound import Synth, newton

from .clock import glide, steady
from .drum import Drum
from .listen import Ear, distinct
from .timbre import timbre

CROSSINGS = 2
STICKS = 2
STAGES = ((6, 4, 16384), (3, 4, 16384), (2, 12, 65536))  # candidates, steps of each, and samples heard
DAMPINGS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
QUIET = 1e-3  # of the peak: where a sound is over

Residual = Callable[[Tensor], Tensor]
"""ν [K, P] → the differences in timbre [K, D]."""
End = tuple[Tensor, float]
"""ν [1, P], and how far it is."""
distance = itemgetter(1)


def approach(synth: Synth, membrane: Drum, x: Tensor, candidates: int = 256) -> Tensor:
    """Candidates ν [K, P], nearest first, K ≤ 6, for the sound x [n]; none for silence.

    Of Sobol points, and of those whose membrane meets the partials of x, the nearest in `timbre` are drawn nearer by Levenberg–Marquardt on
    its differences. So are, twice, the nearest of crossings: all those membranes, struck and heard where they are, with the stick, the
    glide and the noise of what is nearest. Then fewer are, and longer. Deterministic, on the CPU.
    """
    sound = x.detach().cpu().double()
    if not len(sound) or not sound.abs().max() > 0:
        return x.new_empty(0, len(synth.space))
    sound, own = sound / sound.abs().max(), len(membrane.space) + 2
    nu = 2 * torch.quasirandom.SobolEngine(len(synth.space), scramble=True, seed=0).draw(candidates, dtype=torch.float64) - 1
    nu, ends = torch.cat([nu, meeting(synth, membrane, sound, nu)]), list[Tensor]()
    (most, steps, samples), *later = STAGES
    with torch.no_grad():
        residual, crossed, found = comparison(synth, sound, samples), nu, list[End]()
        for _ in range(1 + CROSSINGS):
            found = sorted(found + [nearer(residual, row[None], steps) for row in chosen(residual, crossed, most)], key=distance)[:most]
            crossed = torch.cat([nu[:, :own], found[0][0][:, own:].expand(len(nu), -1)], 1)
        for kept, steps, samples in later:
            ends.insert(0, torch.cat([row for row, _ in found]))
            residual = comparison(synth, sound, samples)
            found = sorted((nearer(residual, row, steps) for row, _ in found[:kept]), key=distance)
    return distinct(torch.cat([row for row, _ in found] + ends), most, apart=0.02).to(x)


def chosen(residual: Residual, nu: Tensor, most: int) -> Tensor:
    """The nearest of ν [C, P] that are not alike."""
    return distinct(nu[torch.cat([residual(rows).norm(dim=1) for rows in nu.split(8)]).argsort()], most, apart=0.2)


def comparison(synth: Synth, x: Tensor, samples: int) -> Residual:
    """The differences from x [n], as far as it is heard, at most so many samples: in `timbre`, and in its semitones by a longer window."""
    over, rate = int((x.abs() > QUIET).nonzero().max()), synth.signal.sample_rate
    n = min(1024 * (over // 1024 + 1), len(x), samples)
    short = type(synth)(replace(synth.options, num_samples=max(n, 2)))

    def heard(x: Tensor) -> Tensor:
        return torch.cat([timbre(x, rate), timbre(x, rate, per_octave=12, window=8192)], 1)

    target = heard(x[None, :n].float())
    return lambda nu: (heard(short(short.space.to_theta(nu.float()))[:, :n]) - target).to(nu)


def nearer(residual: Residual, nu: Tensor, steps: int) -> End:
    """ν [1, P], and ‖residual‖, after so many steps of Levenberg–Marquardt, each by the best of some dampings, until none is better."""
    r, directions = residual(nu), torch.eye(nu.shape[1], dtype=nu.dtype)[:, None]
    for _ in range(steps):
        J = torch.func.vmap(lambda e, nu=nu: torch.func.jvp(residual, (nu,), (e,))[1], out_dims=-1)(directions)
        tried = torch.cat([newton(J, r, damping * J.square().sum(1)) for damping in DAMPINGS]).clamp(-0.3, 0.3)
        tried = (nu + tried).clamp(-1, 1)
        left = residual(tried)
        best = left.norm(dim=1).nan_to_num(torch.inf).argmin()
        if not left[best].norm() < r.norm():
            break
        nu, r = tried[best, None], left[best, None]
    return nu, float(r.norm())


def meeting(synth: Synth, membrane: Drum, x: Tensor, nu: Tensor, most: int = 32) -> Tensor:
    """Rows like ν whose membranes explain the partials of x [n] best, each with several sticks and noises: up to `most` membranes of x as
    it is, and as many of x by the clock that is heard in it, if one is, which these rows have."""
    membrane, space, rate = Drum(membrane.options), synth.space, synth.signal.sample_rate
    columns = [space.names.index(name) for name in ("glide", "glide_time")]
    (bottom, top), times = ((space[k].low, space[k].high) for k in columns)
    rows = [nu[:0]]
    for d, time in dict.fromkeys([(0.0, times[0]), glide(x, rate, top - bottom, times)]):
        ear = Ear(membrane, steady(x, rate, d, time))
        found = membrane.space.to_nu(membrane.hypotheses(ear.heard)).clamp(-1, 1)
        if len(found):
            best = distinct(found[ear.score(found.float(), 1e-2, 12).argsort(descending=True)[:1000]], most, apart=0.05)
            theta = space.to_theta(nu[torch.arange(STICKS * len(best)) % len(nu)])
            theta[:, : len(membrane.space)] = membrane.space.to_theta(best).repeat(STICKS, 1)
            if d:
                theta[:, columns] = theta.new_tensor([d + bottom, time])
            rows.append(space.to_nu(theta).clamp(-1, 1))
    return torch.cat(rows)
