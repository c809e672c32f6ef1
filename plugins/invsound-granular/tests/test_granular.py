"""The granular texture: the published formulas sample by sample, and what its parameters say is what is heard."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from invsound_granular.granular import Granular, GranularOptions
from invsound_granular.timelines import placed, timelines
from torch import Tensor


@pytest.fixture(scope="module")
def synth() -> Granular:
    return Granular(GranularOptions())


@pytest.fixture(scope="module")
def small() -> Granular:
    return Granular(GranularOptions(num_samples=2048, size=512, grains=16))


def by_formula(synth: Granular, d: float, theta: float, seed: int) -> np.ndarray:
    """One sound, grain by grain, in numpy."""
    frequencies, onsets = synth.grains(seed)
    options, sr = synth.options, 8192
    t = np.arange(options.size) / sr - options.size / sr / 2
    gamma = math.tan(0.95 * (2 * theta - 1) * math.pi / 2) * sr / (12 * 256) / 4
    i = np.arange(options.grains)
    a = 1 - 1 / (1 + np.exp(-2 * (1 - d) * options.grains * (i / options.grains - (0.25 * d + 0.75 * d * d))))
    a /= a.max()
    x = np.zeros(options.num_samples)
    for f, onset, amplitude in zip(frequencies.numpy(), onsets, a, strict=True):
        phase = 2 * np.pi * np.cumsum(f * 2 ** (gamma * t) / sr)
        window = np.sin(np.pi * np.arange(options.size) / options.size) ** 2
        x[onset : onset + options.size] += amplitude * np.sin(phase) * window / np.sqrt(f)
    return x / np.linalg.norm(x)


@pytest.mark.parametrize(("d", "theta"), [(0.0, 0.5), (0.3, 0.1), (0.7, 0.95), (1.0, 1.0), (1.0, 0.0)])
def test_sounds_are_the_sums_of_their_grains(synth: Granular, d: float, theta: float) -> None:
    row = torch.tensor([[d, theta]])
    expected = torch.from_numpy(by_formula(synth, *row[0].tolist(), seed=5))
    with synth.at(5):
        torch.testing.assert_close(synth(row.double())[0], expected, rtol=0, atol=1e-11)
        assert (synth(row)[0] - expected).abs().max() < 1e-6 * expected.abs().max()


def test_grains_are_drawn_from_the_seed_and_from_nothing_else(synth: Granular) -> None:
    (frequencies, onsets), (others, elsewhere) = synth.grains(0), synth.grains(1)
    assert onsets != elsewhere
    assert not torch.isclose(frequencies, others).any()
    draws = torch.rand(128, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(frequencies, 2 ** (8 + 3 * draws[:64].double()))
    assert onsets == (draws[64:] * 28672).long().tolist()


def test_each_sound_has_the_grains_of_its_seed(small: Granular) -> None:
    theta = torch.tensor([[0.5, 0.6]]).expand(3, -1)
    with small.at((4, 0, 4)):
        x = small(theta)
    assert torch.equal(x[0], x[2])
    assert (x[0] - x[1]).norm() > 0.5
    for seed, row in zip((4, 0, 4), x, strict=True):
        with small.at(seed):
            torch.testing.assert_close(small(theta[:1])[0], row, rtol=0, atol=1e-7)


def test_frequencies_and_onsets_fill_their_ranges() -> None:
    many = Granular(GranularOptions(grains=4096, num_samples=8192))
    frequencies, starts = many.grains(0)
    octaves, onsets = torch.log2(frequencies / 256) / 3, torch.tensor(starts) / 4096
    for drawn in (octaves, onsets):
        assert drawn.min() >= 0
        assert drawn.max() < 1
        assert torch.allclose(
            drawn.double().quantile(torch.tensor([0.25, 0.5, 0.75]).double()), torch.tensor([0.25, 0.5, 0.75]).double(), atol=0.04
        )


def test_density_is_how_many_grains_are_heard(synth: Granular) -> None:
    a = synth.amplitudes(torch.linspace(0, 1, 11, dtype=torch.float64)[:, None])
    assert torch.equal(a[:, 0], torch.ones(11, dtype=torch.float64))
    assert (a.diff(dim=1) <= 0).all()
    assert a[0, 1:].sum() < 0.4
    assert torch.equal(a[-1], torch.ones(64, dtype=torch.float64))
    heard = (a > 0.5).sum(1)
    assert (heard.diff() > 0).all()


@pytest.mark.parametrize("theta", [0.2, 0.5, 0.9])
def test_slope_is_in_octaves_per_second(synth: Granular, theta: float) -> None:
    gamma = math.tan(0.95 * (2 * theta - 1) * math.pi / 2) * 2 / 3
    rate = synth.cycles(torch.tensor([[theta]])).diff(dim=1)[0] * 8192  # Hz, of a grain of 1 Hz
    octaves = rate[-1].log2() - rate[0].log2()
    assert octaves.item() / (len(rate) - 1) * 8192 == pytest.approx(gamma, abs=1e-6)
    assert rate[2047].item() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batch_is_loop_of_unit_energy(small: Granular, dtype: torch.dtype) -> None:
    theta = torch.rand(5, 2, generator=torch.Generator().manual_seed(0)).to(dtype)
    x = small(theta)
    assert x.dtype == dtype
    torch.testing.assert_close(x.norm(dim=1), torch.ones(5, dtype=dtype))
    torch.testing.assert_close(x, torch.cat([small(row[None]) for row in theta]), rtol=0, atol=1e-12 if dtype == torch.float64 else 1e-7)


def test_jacobians_in_both_modes_are_central_differences(small: Granular) -> None:
    theta, h = torch.tensor([0.4, 0.7], dtype=torch.float64), 1e-6

    def f(theta: Tensor) -> Tensor:
        with small.at(0):
            x: Tensor = small(theta[None])[0]
        return x

    J = torch.func.jacfwd(f, randomness="same")(theta)
    differences = torch.stack([(f(theta + h * e) - f(theta - h * e)) / (2 * h) for e in torch.eye(2).double()], -1)
    torch.testing.assert_close(J, differences, rtol=0, atol=1e-6 * J.abs().max().item())
    torch.testing.assert_close(torch.func.jacrev(f)(theta), J, rtol=1e-9, atol=1e-9)


def test_grains_of_one_timeline_do_not_overlap_and_all_are_there() -> None:
    onsets = torch.randint(0, 900, (40,), generator=torch.Generator().manual_seed(0)).tolist()
    lines, grains = timelines(onsets, 100), torch.randn(2, 40, 100, dtype=torch.float64)
    assert sorted(i for line in lines for i in line) == list(range(40))
    assert all(onsets[i] + 100 <= onsets[j] for line in lines for i, j in itertools.pairwise(line))
    at_once = max(sum(o <= n < o + 100 for o in onsets) for n in range(1000))
    assert len(lines) == at_once
    rows = [placed(grains[:, line], [onsets[i] for i in line], 1000) for line in lines]
    expected = torch.zeros(2, 1000, dtype=torch.float64)
    for i, onset in enumerate(onsets):
        expected[:, onset : onset + 100] += grains[:, i]
    torch.testing.assert_close(torch.stack(rows).sum(0), expected)
    for refused in ([0, 99], [0, 901]):
        with pytest.raises(ValueError, match="has no room"):
            placed(grains[:, :2], refused, 1000)


def test_the_published_grid(synth: Granular) -> None:
    theta, folds = synth.published()
    assert theta.shape == (5120, 2)
    assert (theta.unique(dim=0, return_counts=True)[1] == 5).all()
    assert theta[165].tolist() == pytest.approx([2 / 33, 2 / 33])
    assert [folds.count(fold) for fold in ("train", "val", "test")] == [3075, 1025, 1020]
    cells = {fold: {tuple(row) for row, name in zip(theta.tolist(), folds, strict=True) if name == fold} for fold in set(folds)}
    assert not cells["train"] & cells["test"]


@pytest.mark.parametrize("wrong", [{"size": 40_000}, {"grains": 0}])
def test_options_say_what_is_wrong(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GranularOptions(**wrong)
