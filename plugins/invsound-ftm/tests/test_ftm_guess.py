"""The drum and the string hear themselves, in noise and out of time too, and say something sensible about other sounds."""

from __future__ import annotations

import math

import pytest
import torch
from invsound_ftm.drum import Drum, DrumOptions
from invsound_ftm.string import AUDIBLE, String, StringOptions
from torch import Tensor

from invsound import Synth, timbre

DRUM, STRING = Drum(DrumOptions(num_samples=16384)), String(StringOptions(num_samples=16384))

SMALL = [Drum(DrumOptions(num_samples=4000)), String(StringOptions(num_samples=4000, strike=0.5)), Drum(DrumOptions(num_samples=20))]


def some(synth: Synth, B: int, seed: int) -> Tensor:
    return 2 * torch.rand(B, len(synth.space), generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def noise(N: int) -> Tensor:
    return torch.randn(N, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def misfit(synth: Synth, nu: Tensor, x: Tensor) -> float:
    """‖g − x‖/‖x‖."""
    return float((synth(synth.space.to_theta(nu[None]))[0] - x).norm() / x.norm())


@pytest.mark.parametrize("seed", range(3))
def test_the_drum_finds_itself(seed: int) -> None:
    theta = DRUM.space.to_theta(some(DRUM, 1, seed))
    x = DRUM(theta.float())[0].double()
    nu = DRUM.guess(x)
    torch.testing.assert_close(DRUM.space.to_theta(nu[0]), theta[0], rtol=1e-3, atol=1e-7)  # of D, which moves no mode below 1e-4
    assert misfit(DRUM, nu[0], x) < 1e-3


def test_the_drum_finds_itself_in_noise_late_or_cut() -> None:
    theta = DRUM.space.to_theta(some(DRUM, 1, 5))
    x = DRUM(theta)[0]
    late, cut = torch.cat([x.new_zeros(131), x[:-131]]), torch.cat([x[70:], x.new_zeros(70)])
    for changed in (x + 0.1 * x.std() * noise(len(x)), late, cut):
        omega, tau, _, _, alpha = (DRUM.space.to_theta(DRUM.guess(0.3 * changed)[0]) / theta[0]).tolist()
        assert [omega, alpha] == pytest.approx([1, 1], rel=1e-4)
        assert tau == pytest.approx(1, rel=1e-2)


def test_the_string_finds_what_can_be_heard_of_it() -> None:
    nu = some(STRING, 1, 0)[0]
    x = STRING(STRING.space.to_theta(nu[None]).float())[0].double()
    found = STRING.guess(x)[0]
    assert torch.equal(found, STRING.guess(x)[0])
    heard, true = (AUDIBLE @ STRING.space.to_theta(v).log() for v in (found, nu))
    torch.testing.assert_close(heard, true, rtol=0, atol=1e-3)
    assert misfit(STRING, found, x) < 1e-3
    assert found.norm() < nu.norm() + 1e-3


def test_of_strings_that_sound_alike_the_middlemost() -> None:
    nu = some(STRING, 50, 1)
    B = STRING.hearing()
    nearest = STRING.nearest_middle(nu @ B.mT, iterations=2000)
    torch.testing.assert_close(nearest @ B.mT, nu @ B.mT)
    assert nearest.abs().max() < 1 + 1e-6
    assert (nearest.norm(dim=1) < nu.norm(dim=1) + 1e-6).all()


def test_of_another_sound_the_nearest_in_timbre_are_found() -> None:
    t = torch.arange(16384).double() / 22050
    x = torch.exp(-15 * t) * torch.sin(2 * math.pi * (120 * t + 0.8 * (1 - torch.exp(-30 * t)))) + 0.3 * torch.exp(-60 * t) * noise(16384)
    x = (x / x.abs().max()).float()
    nu = DRUM.guess(x)
    assert 0 < len(nu) <= 8
    sounds = [DRUM(DRUM.space.to_theta(rows)) for rows in (nu[:1], some(DRUM, 128, 0).float())]
    nearest, random = ((timbre(sound, 22050) - timbre(x[None], 22050)).norm(dim=1) for sound in sounds)
    assert nearest < 0.8 * random.min()


@pytest.mark.parametrize("synth", SMALL)
def test_candidates_are_within_the_range_whatever_is_heard(synth: Synth) -> None:
    N = synth.signal.num_samples
    click, silence = torch.zeros(N), torch.zeros(N)
    click[N // 4] = 1
    with torch.no_grad():
        assert len(synth.guess(silence)) == 0
        for x in (silence, click, noise(N).float(), noise(N), torch.cumsum(noise(N), 0), torch.sin(0.1 * torch.arange(N))):
            nu = synth.guess(x)
            assert nu.dtype == x.dtype
            assert nu.shape[1] == len(synth.space)
            assert nu.isfinite().all()
            assert (nu.abs() <= 1).all()
