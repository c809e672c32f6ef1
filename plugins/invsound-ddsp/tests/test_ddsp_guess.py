"""The voice listens: it finds the knobs of its own sounds, in noise too, and answers something to anything."""

from __future__ import annotations

import pytest
import torch
from invsound_ddsp.pitch import harmonic_sum, harmonic_transform, moving_average, pitches
from invsound_ddsp.voice import Voice, VoiceOptions
from torch import Tensor


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice(VoiceOptions())


@pytest.fixture(scope="module")
def quick() -> Voice:
    return Voice(VoiceOptions(num_samples=6000, gate=0.3, num_bands=3, num_harmonics=30))


def some(voice: Voice, B: int, seed: int = 0) -> Tensor:
    return 2 * torch.rand(B, len(voice.space), generator=torch.Generator().manual_seed(seed)) - 1


def heard(voice: Voice, x: Tensor) -> Tensor:
    """θ of the first candidate."""
    nu = voice.guess(x)
    assert 1 <= len(nu) <= 8
    assert nu.abs().max() <= 1
    return voice.space.to_theta(nu[0].double())


def noisy(x: Tensor, dB: float) -> Tensor:
    noise = torch.randn(len(x), generator=torch.Generator().manual_seed(1))
    return x + noise * x.norm() / noise.norm() * 10 ** (-dB / 20)


def test_its_own_sound(voice: Voice) -> None:
    theta = voice.space.to_theta(some(voice, 1))
    x = voice(theta)
    found = heard(voice, x[0])
    assert abs(found[0] / theta[0, 0] - 1) < 1e-5
    assert (voice(found.float()[None]) - x).norm() < 1e-2 * x.norm()


def test_the_pitch_of_its_own_sounds(voice: Voice) -> None:
    theta = voice.space.to_theta(some(voice, 20, seed=1).double())
    found = torch.stack([pitches(x, 16000.0, 55.0, 880.0, count=1)[0] for x in voice(theta)])
    assert ((found / theta[:, 0] - 1).abs() < 2e-4).sum() >= 19


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_knobs_of_a_plain_note(quick: Voice, dtype: torch.dtype) -> None:
    given = {"f0": 220.0, "level_2": -6.0, "level_3": -12.0, "tilt": -12.0, "noise_1": -30.0, "attack": 0.03, "decay": 0.1, "sustain": -6.0}
    theta = quick.space.values(given).to(dtype)
    found = heard(quick, quick(theta[None])[0])
    expected = quick.space.to_nu(theta.double())
    torch.testing.assert_close(quick.space.to_nu(found), expected, rtol=0, atol=1e-3)
    assert quick.guess(quick(theta[None])[0]).dtype == dtype


def test_noise_and_gain_leave_the_pitch(quick: Voice) -> None:
    theta = quick.space.values({"f0": 330.0, "sustain": -3.0})
    x = quick(theta[None].float())[0]
    for y in (noisy(x, 20), noisy(x, 10) / 4):
        assert abs(heard(quick, y)[0] / 330 - 1) < 1e-3


def test_a_tone_that_the_voice_did_not_make(quick: Voice) -> None:
    t = torch.arange(6000) / 16000
    x = sum(torch.cos(2 * torch.pi * k * 147 * t + k * k) / k for k in (1, 2, 3, 4, 5)) * torch.exp(-8 * t) * (t / 0.02).clamp(max=1)
    found = dict(zip(quick.space.names, heard(quick, x).tolist(), strict=True))
    assert abs(found["f0"] / 147 - 1) < 1e-3
    assert [found[f"level_{k}"] for k in (2, 3, 4, 5)] == pytest.approx([-6.0, -9.5, -12.0, -14.0], abs=1.5)
    assert max(found[f"level_{k}"] for k in (6, 7, 8)) < -30


def test_it_listens_the_same_twice(quick: Voice) -> None:
    x = quick(quick.space.to_theta(some(quick, 1)))[0]
    assert torch.equal(quick.guess(x), quick.guess(x))


@pytest.mark.parametrize("num_samples", [2, 2100, 6000])
def test_candidates_are_finite_whatever_it_hears(num_samples: int) -> None:
    voice = Voice(VoiceOptions(num_samples=num_samples, num_levels=3, num_harmonics=12, num_bands=2, gate=0.1))
    noise = torch.randn(num_samples, generator=torch.Generator().manual_seed(0))
    click = torch.zeros(num_samples)
    click[num_samples // 3] = 1
    sounds = {"click": click, "noise": noise, "constant": torch.ones(num_samples), "end": click.roll(num_samples - 1 - num_samples // 3)}
    sounds |= {"faint": torch.full_like(click, 1e-42), "loud": 1e30 * noise, "broken": torch.where(noise > 2, torch.nan, noise)}
    for name, x in sounds.items():
        nu = voice.guess(x)
        assert nu.isfinite().all(), name
        assert nu.abs().le(1).all(), name
        assert nu.shape[1] == len(voice.space), name
    assert len(voice.guess(torch.zeros(num_samples))) == 0


def test_harmonic_tables_are_the_direct_sums() -> None:
    generator = torch.Generator().manual_seed(0)
    y, omega = torch.randn(50, generator=generator, dtype=torch.float64), torch.tensor([0.1, 1.3, 3.0], dtype=torch.float64)
    table = torch.exp(-1j * omega[:, None] * torch.arange(50))
    torch.testing.assert_close(harmonic_transform(y, omega), table @ y.to(table.dtype))
    A = torch.randn(3, generator=generator, dtype=torch.complex128)
    torch.testing.assert_close(harmonic_sum(A, omega, 50), (A @ table.conj()).real)


def test_a_moving_average_of_a_constant_is_the_constant() -> None:
    torch.testing.assert_close(moving_average(torch.full((2, 9), 3.0), 4), torch.full((2, 9), 3.0))
    assert moving_average(torch.arange(9.0), 3)[4] == 4
