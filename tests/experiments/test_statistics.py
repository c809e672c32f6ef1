"""Statistics: medians, intervals over seeds, significance over sounds."""

import itertools

import numpy as np
import pytest
import torch

from invsound.experiments import statistics


def brute_force(d):
    flips = [abs(sum(s * v for s, v in zip(signs, d, strict=True))) for signs in itertools.product([1, -1], repeat=len(d))]
    return np.mean(np.array(flips) >= abs(sum(d)) - 1e-9)


def test_the_median_of_an_even_number_is_between():
    assert statistics.median([3, 1, 2]) == 2
    assert statistics.median([4, 1, 2, 3]) == 2.5
    assert statistics.median([7]) == 7


@pytest.mark.parametrize("n", [2, 3, 5, 8, 20])
def test_the_interval_holds_the_median_and_lies_within_the_values(n):
    for k in range(5):
        values = torch.randn(n, generator=torch.Generator().manual_seed(k)).tolist()
        low, high = statistics.bootstrap(values)
        assert min(values) <= low <= statistics.median(values) <= high <= max(values)
        assert statistics.bootstrap(values) == (low, high)
    assert statistics.bootstrap([1.5] * n) == (1.5, 1.5)


def test_one_value_has_no_interval():
    assert statistics.bootstrap([3.0]) is None


def test_the_interval_narrows_as_seeds_are_added_and_covers_the_truth():
    draws = torch.Generator().manual_seed(0)
    samples = torch.randn(60, 40, generator=draws).tolist()
    intervals = [statistics.bootstrap(sample) for sample in samples]
    assert sum(low <= 0 <= high for low, high in intervals) >= 51  # of 60; 57 expected
    narrow, wide = (np.mean([np.subtract(*statistics.bootstrap(sample[:n])[::-1]) for sample in samples]) for n in (40, 10))
    assert 0.3 < narrow / wide < 0.8


@pytest.mark.parametrize("n", [1, 2, 3, 6, 9])
def test_the_permutation_test_is_exact_on_few_sounds(n):
    d = torch.randn(n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    assert statistics.permutation(d) == pytest.approx(brute_force(d.tolist()))
    assert statistics.permutation(d.abs() + 0.1) == pytest.approx(2 ** (1 - n))
    assert statistics.permutation(torch.full((n,), 0.1)) == pytest.approx(2 ** (1 - n))  # ties


@pytest.mark.parametrize("n", [1, 5, 13, 14, 300])
def test_no_difference_has_p_1(n):
    assert statistics.permutation(torch.zeros(n)) == 1
    assert statistics.permutation(torch.tensor([1.0, -1.0]).repeat(n)) == 1


def test_random_draws_agree_with_all_of_them(monkeypatch):
    d = torch.randn(12, generator=torch.Generator().manual_seed(3)) + 0.4
    exact = statistics.permutation(d)
    monkeypatch.setattr(statistics, "EXACT", 0)
    assert statistics.permutation(d) == pytest.approx(exact, abs=4 * (exact * (1 - exact) / statistics.DRAWS) ** 0.5)
    whole = statistics.permutation(d)
    assert statistics.permutation(d) == whole
    assert statistics.permutation(torch.ones(200)) == 1 / (statistics.DRAWS + 1)


def test_p_is_uniform_where_there_is_no_difference(monkeypatch):
    monkeypatch.setattr(statistics, "DRAWS", 999)
    draws = torch.Generator().manual_seed(1)
    p = np.sort([statistics.permutation(torch.randn(30, generator=draws)) for _ in range(400)])
    distance = np.abs(p - (np.arange(400) + 0.5) / 400).max()
    assert distance < 1.63 / 400**0.5  # Kolmogorov–Smirnov, 1 %
    shifted = [statistics.permutation(torch.randn(30, generator=draws) + 1) for _ in range(20)]
    assert np.median(shifted) < 0.01
