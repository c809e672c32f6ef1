"""Dynamic time warping: the recurrence cell by cell, and what it must not change."""

import pytest
import torch
from invsound_scores.warping import warped


def cost(B, n, m, seed=0):
    return torch.rand(B, n, m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_cells(c):
    n, m = c.shape
    D = torch.full((n + 1, m + 1), torch.inf, dtype=c.dtype)
    for i in range(n):
        for j in range(m):
            steps = (D[i, j + 1] + c[i, j], D[i + 1, j] + c[i, j], D[i, j] + 2 * c[i, j])
            D[i + 1, j + 1] = c[0, 0] if i == j == 0 else min(steps)
    return D[n, m] / (n + m)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (6, 1), (2, 3), (7, 7), (9, 4), (3, 11)])
def test_antidiagonals_are_the_recurrence(n, m):
    c = cost(3, n, m)
    assert torch.allclose(warped(c), torch.stack([by_cells(one) for one in c]), rtol=1e-14)


def test_transposed_it_is_the_same():
    c = cost(2, 8, 5)
    assert torch.allclose(warped(c), warped(c.mT), rtol=1e-14)


def test_a_free_way_costs_nothing_and_a_constant_cost_is_the_mean():
    c = torch.ones(1, 6, 6, dtype=torch.float64)
    assert warped(c).item() == pytest.approx(11 / 12)  # every way from corner to corner is as long, but for the first cell
    c[0].fill_diagonal_(0)
    assert warped(c).item() == 0
    c[0, 2, 2] = 1  # a detour over (1, 2), (1, 3) or the diagonal itself: two cells or twice one
    assert warped(c).item() == pytest.approx(2 / 12)
