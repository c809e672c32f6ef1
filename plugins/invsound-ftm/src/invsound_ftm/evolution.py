"""A search for the synthesizer's sound that comes nearest in timbre."""

from __future__ import annotations

import torch
from torch import Tensor

from invsound import Synth, timbre


def search(synth: Synth, x: Tensor, nu: Tensor, generations: int = 8, size: int = 32) -> Tensor:
    """The `size` of ν [C, P] nearest to x [N] in timbre, improved by differential evolution (Storn & Price 1997), nearest first.

    Each generation moves every candidate towards the best, and along the difference of two others; what comes nearer replaces it.
    """
    generator = torch.Generator().manual_seed(0)
    target = timbre((x / x.abs().max())[None].float(), synth.signal.sample_rate)

    def distance(nu: Tensor) -> Tensor:
        sounds = (synth(synth.space.to_theta(rows.float()))[:, : len(x)] for rows in nu.split(16))
        return torch.cat([(timbre(sound, synth.signal.sample_rate) - target).norm(dim=1) for sound in sounds])

    def random(columns: int) -> Tensor:
        return torch.rand(len(nu), columns, generator=generator, dtype=nu.dtype)

    d = distance(nu)
    nu, d = nu[d.argsort()[:size]], d.sort()[0][:size]
    for _ in range(generations):
        one, other = (nu[torch.randperm(len(nu), generator=generator)] for _ in range(2))
        child = nu + 0.5 * random(1) * (nu[d.argmin()] - nu) + 0.6 * (one - other) + 0.01 * (random(nu.shape[1]) - 0.5)
        child = torch.where(random(nu.shape[1]) < 0.7, child, nu).clamp(-1, 1)
        nearer = distance(child)
        nu, d = torch.where((nearer < d)[:, None], child, nu), torch.minimum(d, nearer)
    return nu[d.argsort()]
