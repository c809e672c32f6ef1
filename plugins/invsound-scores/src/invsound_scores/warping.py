"""Dynamic time warping."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def warped(cost: Tensor) -> Tensor:
    """The cheapest way through each matrix of costs [B, n, m], over its length: [B].

    D(i, j) = min(D(i−1, j) + c(i, j),  D(i, j−1) + c(i, j),  D(i−1, j−1) + 2 c(i, j)),  D(0, 0) = c(0, 0),

    and the result is D(n−1, m−1) / (n + m): a diagonal step is as long as the two that it replaces. That is the symmetric form without
    a slope constraint of Sakoe & Chiba, IEEE Trans. ASSP 26(1), 1978, table I with P = 0, but for c(0, 0), taken once and not twice, as
    the packages do that papers use. Costs are finite. Cells on an antidiagonal need only the two before it: n + m − 1 steps for all rows.
    """
    n, m = cost.shape[1:]
    diagonals = skewed(cost)
    before = torch.full_like(diagonals[:, :, 0], torch.inf)
    now = torch.cat([cost[:, :1, 0], before[:, 1:]], 1)
    for c in diagonals.unbind(2)[1:]:
        straight = torch.minimum(now, below(now)) + c
        before, now = now, torch.minimum(straight, below(before) + 2 * c)
    return now[:, -1] / (n + m)


def skewed(cost: Tensor) -> Tensor:
    """[B, n, m] → [B, n, n + m − 1]: cell (i, j) goes to (i, i + j), so that column k is the antidiagonal i + j = k; ∞ elsewhere."""
    B, n, m = cost.shape
    return nn.functional.pad(cost, (0, n), value=torch.inf).flatten(1)[:, :-n].view(B, n, n + m - 1)


def below(diagonal: Tensor) -> Tensor:
    """Entry i − 1 at place i, ∞ at 0."""
    return nn.functional.pad(diagonal[:, :-1], (1, 0), value=torch.inf)
