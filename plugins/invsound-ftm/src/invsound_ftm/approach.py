"""Coming near a recorded drum in timbre: cheap, smooth, and close to what a representation will say."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from invsound import Synth, descend, timbre_and_pitch

from .clock import glide, steady
from .listen import Ear, distinct, nearest
from .origin import Residual, origin

CHUNK = 32
STICKS = 2
SORTED = 8192  # samples by which candidates are put in order
STAGES = ((6, 4, 16384), (3, 4, 16384), (2, 12, 65536))  # candidates, steps of each, and samples heard
QUIET = 1e-3  # of the peak: where a sound is over


@torch.no_grad()
def approach(synth: Synth, x: Tensor, candidates: int = 256) -> Tensor:
    """Candidates ν [K, P], nearest first, K ≤ 6, for the sound x [n]; none for silence; the one that made it, if one did: see `origin`.

    Of Sobol points, and of those whose membrane meets the partials of x, the nearest in `timbre` are drawn nearer by Levenberg–Marquardt on
    its differences. So are the nearest of crossings: the membranes of the nearest quarter, struck and heard where they are, with the stick,
    the glide and the noise of what is nearest. Then fewer are, and longer. Deterministic, on the CPU.
    """
    synth, sound = type(synth)(synth.options), x.detach().cpu().double()
    if not len(sound) or not sound.abs().max() > 0:
        return x.new_empty(0, len(synth.space))
    sound, own = sound / sound.abs().max(), len(synth.membrane.space) + 2
    if len(made := origin(synth, sound)):
        return made.to(x)
    nu = 2 * torch.quasirandom.SobolEngine(len(synth.space), scramble=True, seed=0).draw(candidates, dtype=torch.float64) - 1
    (most, steps, samples), *later = STAGES
    residual, early, ends = comparison(synth, sound, samples), comparison(synth, sound, SORTED), list[Tensor]()

    def sorted_by_distance(nu: Tensor) -> Tensor:
        return nu[torch.cat([early(rows).norm(dim=1) for rows in nu.split(CHUNK)]).argsort()]

    def drawn(nu: Tensor) -> tuple[Tensor, Tensor]:
        return descend(residual, distinct(nu, most, apart=0.2), steps)

    nu = sorted_by_distance(torch.cat([nu, meeting(synth, sound, nu)]))
    membranes, found = nu[: len(nu) // 4, :own], drawn(nu)
    crossed = torch.cat([membranes, found[0][:1, own:].expand(len(membranes), -1)], 1)
    near, _ = nearest([found, drawn(sorted_by_distance(crossed))], most)
    for kept, steps, samples in later:
        ends.insert(0, near)
        near, _ = descend(comparison(synth, sound, samples), near[:kept], steps)
    return distinct(torch.cat([near, *ends]), most, apart=0.02).to(x)


def comparison(synth: Synth, x: Tensor, samples: int) -> Residual:
    """The differences from x [n], as far as it is heard, at most so many samples: in `timbre`, and in its semitones by a longer window."""
    over, rate = int((x.abs() > QUIET).nonzero().max()), synth.signal.sample_rate
    n = min(1024 * (over // 1024 + 1), len(x), samples)
    short = type(synth)(replace(synth.options, num_samples=max(n, 2)))
    target = timbre_and_pitch(x[None, :n].float(), rate)
    return lambda nu: (timbre_and_pitch(short(short.space.to_theta(nu.float()))[:, :n], rate) - target).to(nu)


def meeting(synth: Synth, x: Tensor, nu: Tensor, most: int = 32) -> Tensor:
    """Rows like ν whose membranes explain the partials of x [n] best, each with several sticks and noises: up to `most` membranes of x as
    it is, and as many of x by the clock that is heard in it, if one is, which these rows have."""
    membrane, space, rate = synth.membrane, synth.space, synth.signal.sample_rate
    columns = [space.names.index(name) for name in ("glide", "glide_time")]
    (bottom, top), times = synth.ends("glide"), synth.ends("glide_time")
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
