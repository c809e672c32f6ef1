"""The spectral loss on random paths."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from invsound import Loss, Problem, option


@dataclass
class SCRAPLOptions:
    """SCRAPL.

    paths: drawn for each sound and epoch
    uniform: share of them that is drawn uniformly, whatever their importance
    sounds: random sounds that importance is measured on
    seed: of the draws
    """

    paths: int = option(1, low=1, high=10_000)
    uniform: float = option(0.1, above=0, high=1)
    sounds: int = option(16, low=1, high=100_000)
    seed: int = option(0, low=0, high=2**31 - 1)


class SCRAPL(Loss):
    """½‖Φ_k(g(ν̂)) − Φ_k(g(ν))‖² / p_k [B], of a path k of Φ that is drawn with probability p_k: an unbiased ½‖Φ(g(ν̂)) − Φ(g(ν))‖².

    Near the truth the gradient of path k is M_k (ν̂ − ν) / p_k with M_k = J_kᵀJ_k, whose variance is least for p_k ∝ √E‖M_k(ν̂ − ν)‖²;
    p_k ∝ √E‖M_k‖²_F, the mean over random sounds, takes all directions of ν̂ − ν alike. A draw depends on the seed, the sound and the number
    of validations so far, a buffer, so that it can be repeated; in `eval()` each sound keeps its paths. A feature without paths has one.

    Source: Mitcheltree, Lostanlen, Benetos & Lagrange, "SCRAPL", ICLR 2026 (arXiv:2602.11145), whose importance is estimated from the
    curvature of the loss in the encoder's weights.
    """

    Options = SCRAPLOptions
    prepare_options = ()
    needs_gradient = True
    probability: Tensor
    round: Tensor

    def __init__(self, problem: Problem, options: SCRAPLOptions) -> None:
        super().__init__(problem, options)
        K = problem.feature.num_paths
        self.register_buffer("probability", torch.full((K,), 1 / K, dtype=torch.float64))
        self.register_buffer("round", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def prepare(self, nu: Tensor) -> Tensor:
        """S(ν) [B, D]."""
        return torch.cat([nu.new_empty(0), *(self.problem(row) for row in nu.split(1))]) if len(nu) else self.problem(nu)

    @torch.no_grad()
    def calibrate(self, side: Tensor) -> None:
        space, generator = self.problem.space, torch.Generator().manual_seed(self.options.seed)
        share = torch.rand(self.options.sounds, len(space), generator=generator)
        J = torch.cat([self.problem.jacobian(nu) for nu in space.at(share).to(self.probability.device).split(1)]).double()
        squares = [(part.mT @ part).square().sum((1, 2)).mean() for part in (J[:, block] for block in self.blocks)]
        importance = torch.stack(squares).sqrt()
        uniform, K = self.options.uniform, len(self.blocks)
        self.probability.copy_((1 - uniform) * importance / importance.sum().clamp(min=1e-300) + uniform / K)
        self.probability /= self.probability.sum()

    @cached_property
    @torch.no_grad()
    def blocks(self) -> list[slice]:
        """Where each path is in S."""
        feature = self.problem.feature
        x = torch.zeros(1, feature.signal.num_samples, device=self.probability.device)
        ends = accumulate((feature.path(x, k).shape[1] for k in range(feature.num_paths)), initial=0)
        return [slice(*ends) for ends in pairwise(ends)]

    def forward(self, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
        sounds = zip(self.problem.render(nu_hat).split(1), side, self.draws(nu, side), strict=True)
        return torch.stack([self.distance(x, S, ks) for x, S, ks in sounds]) if len(nu) else nu_hat.sum(1)

    def distance(self, x: Tensor, S: Tensor, paths: list[int]) -> Tensor:
        """The mean over paths of ½‖Φ_k(x) − S_k‖² / p_k, for one sound x [1, N] and S [D]."""
        p, feature = self.probability.tolist(), self.problem.feature
        return torch.stack([0.5 * (feature.path(x, k)[0] - S[self.blocks[k]]).square().sum() / p[k] for k in paths]).mean()

    def draws(self, nu: Tensor, side: Tensor) -> list[list[int]]:
        """Paths for each sound, known by its ν and the first numbers of its S."""
        when = int(self.round) if self.training else -1
        rows = zip(nu.tolist(), side[:, :8].tolist(), strict=True)
        seeds = [hashlib.sha256(repr((self.options.seed, when, *row)).encode()).digest()[:8] for row in rows]
        generators = (torch.Generator().manual_seed(int.from_bytes(seed, "big") >> 1) for seed in seeds)
        p = self.probability.cpu()
        return [torch.multinomial(p, self.options.paths, True, generator=generator).tolist() for generator in generators]

    def adapt(self, validation_loss: float) -> None:
        self.round += 1
