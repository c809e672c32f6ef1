"""Coming near a recorded drum in timbre: cheap, smooth, and close to what a representation will say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from invsound import Synth, newton

from .drum import Drum
from .listen import Ear, distinct
from .timbre import timbre

STAGES = ((6, 4, 16384), (3, 4, 16384), (2, 8, 65536))  # candidates, steps of each, and samples heard
DAMPINGS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
QUIET = 1e-3  # of the peak: where a sound is over

Residual = Callable[[Tensor], Tensor]
"""ν [K, P] → the differences in timbre [K, D]."""


def approach(synth: Synth, membrane: Drum, x: Tensor, candidates: int = 256) -> Tensor:
    """Candidates ν [K, P], nearest first, K ≤ 6, for the sound x [n]; none for silence. The first parameters are those of `membrane`.

    Of Sobol points, and of those whose membrane meets the partials of x, the nearest in `timbre` are drawn nearer by Levenberg–Marquardt on
    its differences, fewer and fewer of them. Deterministic, on the CPU.
    """
    sound = x.detach().cpu().double()
    if not len(sound) or not sound.abs().max() > 0:
        return x.new_empty(0, len(synth.space))
    sound = sound / sound.abs().max()
    nu = 2 * torch.quasirandom.SobolEngine(len(synth.space), scramble=True, seed=0).draw(candidates, dtype=torch.float64) - 1
    nu, most, ends = torch.cat([nu, meeting(synth, membrane, sound, nu)]), STAGES[0][0], list[Tensor]()
    with torch.no_grad():
        for stage, (kept, steps, samples) in enumerate(STAGES):
            residual = comparison(synth, sound, samples)
            if not stage:
                nu = distinct(nu[torch.cat([residual(rows).norm(dim=1) for rows in nu.split(8)]).argsort()], most, apart=0.2)
            found = [nearer(residual, row[None], steps) for row in nu[:kept]]
            nu = torch.cat([row for row, _ in sorted(found, key=lambda end: end[1])])
            ends.insert(0, nu)
    return distinct(torch.cat(ends), most, apart=0.02).to(x)


def comparison(synth: Synth, x: Tensor, samples: int) -> Residual:
    """The differences from x [n], as far as it is heard, at most so many samples: in `timbre`, and in its semitones by a longer window."""
    over, rate = int((x.abs() > QUIET).nonzero().max()), synth.signal.sample_rate
    n = min(1024 * (over // 1024 + 1), len(x), samples)
    short = type(synth)(replace(synth.options, num_samples=max(n, 2)))

    def heard(x: Tensor) -> Tensor:
        return torch.cat([timbre(x, rate), timbre(x, rate, per_octave=12, window=8192)], 1)

    target = heard(x[None, :n].float())
    return lambda nu: (heard(short(short.space.to_theta(nu.float()))[:, :n]) - target).to(nu)


def nearer(residual: Residual, nu: Tensor, steps: int) -> tuple[Tensor, float]:
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


def meeting(synth: Synth, membrane: Drum, x: Tensor, nu: Tensor, most: int = 64) -> Tensor:
    """Up to `most` of the rows ν, their membranes replaced by those that explain the partials of x [n] best."""
    membrane = type(membrane)(membrane.options)
    ear = Ear(membrane, x)
    found = membrane.space.to_nu(membrane.hypotheses(ear.heard)).clamp(-1, 1)
    if not len(found):
        return nu[:0]
    most = min(most, len(nu))
    best = distinct(found[ear.score(found.float(), 1e-2, 12).argsort(descending=True)[:1000]], most, apart=0.05)
    rest = synth.space.to_theta(nu[: len(best)])[:, len(membrane.space) :]
    return synth.space.to_nu(torch.cat([membrane.space.to_theta(best), rest], 1)).clamp(-1, 1)
