"""Statistics of a comparison: intervals over seeds, significance over sounds. Seeded: the same data give the same numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..system.rng import generator

DRAWS = 10_000
EXACT = 13  # differences up to which every sign flip is tried
BLOCK = 2**22  # signs drawn at once


def median(values: Sequence[float]) -> float:
    """The middle value; the mean of the two middle ones of an even number."""
    return float(torch.tensor(values, dtype=torch.float64).quantile(0.5))


def bootstrap(values: Sequence[float], seed: int = 0) -> tuple[float, float] | None:
    """95 % percentile interval of the median, from values drawn with replacement; None for fewer than two values.

    Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7(1), 1979.
    """
    v = torch.tensor(values, dtype=torch.float64)
    if len(v) < 2:
        return None
    rows = torch.randint(len(v), (DRAWS, len(v)), generator=generator(seed, "bootstrap"))
    low, high = v[rows].quantile(0.5, dim=1).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def permutation(d: Tensor, seed: int = 0) -> float:
    """p of a two-sided paired permutation test on differences d [n], n ≥ 1: how often |Σ ±dᵢ| ≥ |Σ dᵢ| over random signs.

    Exact for n ≤ 13; else 10,000 draws, the observed signs counted among them, so that p is never 0.
    """
    d = d.double()
    least = d.sum().abs() - 1e-12 * d.abs().sum()  # a tie that rounding broke is a tie
    if len(d) <= EXACT:
        bits = torch.arange(2 ** len(d))[:, None] >> torch.arange(len(d)) & 1
        return float((_flipped(bits, d) >= least).double().mean())
    draws, count = generator(seed, "permutation"), 1
    for rows in torch.arange(DRAWS).split(max(1, BLOCK // len(d))):
        bits = torch.randint(2, (len(rows), len(d)), generator=draws, dtype=torch.int8)
        count += int((_flipped(bits, d) >= least).sum())
    return count / (DRAWS + 1)


def _flipped(bits: Tensor, d: Tensor) -> Tensor:
    """|Σ ±dᵢ| for each row of bits [n_draws, n]: 1 keeps a sign, 0 flips it."""
    return ((2 * bits - 1).double() @ d).abs()
