"""A sketch: parameters by representations that cost little, where nobody listens, before the costly one is asked."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..audio.least_squares import descend
from ..audio.timbre import timbre_and_pitch
from ..data import designs
from ..feature import Feature, represented
from ..problem import Problem
from .search import Search, spread
from .setup import Setup
from .target import Target

AGAIN = 4  # as many sounds as candidates that are prepared
CHUNK = 16
KEPT, STEPS = 8, 8
BEGINNINGS = (512, 2048, 8192, 32768)  # samples, and then all of them
MADE = 0.2  # ‖g − x‖ / ‖x‖ of a sound's beginning, below which the synthesizer made it


class Timbre(Feature):
    """`timbre_and_pitch`."""

    def forward(self, x: Tensor) -> Tensor:
        return timbre_and_pitch(x, self.signal.sample_rate)


class Beginning(Feature):
    """The first samples over their norm; silence stays silent."""

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, : int(self.options)]
        scale: Tensor = (x.square().sum(1, keepdim=True) + torch.finfo(x.dtype).tiny).sqrt()
        return x / scale


@torch.no_grad()
def sketched(setup: Setup, target: Target, search: Search, known: Tensor) -> Tensor:
    """u [K, F], K ≤ 1 + KEPT, near the target in timbre, nearest first, and before these what explains its waveform, if anything does.

    What is `known` [K, F], an encoder's answer, or else the nearest of Sobol points, is drawn nearer by Levenberg–Marquardt, in timbre,
    which is smooth where a finer representation is rough, and then on the waveform of longer and longer beginnings, by which half of them
    are left each time. A sound of another instrument is given up at the first of these. None where parameters are options or steps. It
    takes half of the time that `search` has, at most, and tells who watches that.
    """
    free, options, signal, stop = setup.free, setup.options, target.problem.synth.signal, search.spent(0.5)
    if free.parts.discrete:
        return setup.candidates[:0]

    def heard(feature: Feature) -> tuple[Search, Callable[[Tensor], Tensor]]:
        whole = target.problem
        problem = Problem(whole.synth, feature, whole.options, whole.space, whole.window, whole.floor, whole.room)
        made = Search(problem, free.mask, setup.held, represented(feature, target.placed)[0], None, None)
        made.watch = search.tell
        return made, lambda u: made(u.to(made.target)).double() - made.target.double()

    def descended(made: Search, residual: Callable[[Tensor], Tensor], u: Tensor) -> tuple[Tensor, Tensor]:
        return descend(residual, u, STEPS, enough=1e-2, jacobian=lambda u: made.jacobian(u.to(made.target)).double(), stop=stop)

    in_timbre, near = heard(Timbre(signal, None)), known.double()
    if not len(near):
        drawn = designs.draw(setup.synth, "sobol", {"train": AGAIN * options.candidates}, options.seed)["train"]
        u, distances = drawn.to(setup.device)[:, free.mask].double(), list[Tensor]()
        for rows in u.split(CHUNK):
            distances.append(in_timbre[1](rows).norm(dim=1))
            if stop():
                break
        order = torch.cat(distances).argsort()
        near = u[order][spread(u[order], 0.1, KEPT)]
    made = near = descended(*in_timbre, near)[0]
    for k, n in enumerate([*(n for n in BEGINNINGS if n < signal.num_samples), signal.num_samples]):
        made, misfit = descended(*heard(Beginning(signal, n)), made[: max(1, KEPT >> k)])
        if misfit[0] > MADE or stop():
            return near
    return torch.cat([made[:1], near])
