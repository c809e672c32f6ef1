"""The harmonic-plus-noise voice: what its parameters say is what is heard, and the laws of a synthesizer."""

from __future__ import annotations

import math

import pytest
import torch
from invsound_ddsp.voice import Voice, VoiceOptions
from torch import Tensor


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice(VoiceOptions())


@pytest.fixture(scope="module")
def small() -> Voice:
    return Voice(VoiceOptions(num_samples=700, num_levels=3, num_harmonics=12, num_bands=2, gate=0.02))


def some(voice: Voice, B: int) -> Tensor:
    return 2 * torch.rand(B, len(voice.space), generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1


def test_harmonics_are_the_sum_of_sines(voice: Voice) -> None:
    f0, levels, tilt = 301.7, [-6.0, -20, 3, -40, 0, -10, -12], -9.0
    dB = [0.0, *levels, *(levels[-1] + tilt * math.log2(k / 8) for k in range(9, 101))]
    n, expected = torch.arange(32768, dtype=torch.float64), torch.zeros(32768, dtype=torch.float64)
    for k in range(1, 101):
        fade = min(max((8000 - k * f0) / 800, 0), 1)
        expected += 10 ** (dB[k - 1] / 20) * fade * torch.sin(2 * math.pi * k * f0 * n / 16000)
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 2e-5)):
        x = voice.harmonics(*(torch.tensor([v], dtype=dtype) for v in ([f0], levels, [tilt])))[0]
        if dtype == torch.float64:
            torch.testing.assert_close(x, expected, rtol=0, atol=tolerance)
        else:
            exact = voice.harmonics(*(torch.tensor([v], dtype=dtype).double() for v in ([f0], levels, [tilt])))[0]
            torch.testing.assert_close(x.double(), exact, rtol=0, atol=tolerance)


def test_noise_has_the_levels_of_its_bands(voice: Voice) -> None:
    flat = voice.noise(torch.zeros(1, 5, dtype=torch.float64))
    assert flat.square().mean().item() == pytest.approx(0.5)  # as loud as a sine of amplitude 1
    levels = torch.tensor([[-10.0, -40, -20, -60, -30]], dtype=torch.float64)
    gain = (torch.fft.rfft(voice.noise(levels)) / torch.fft.rfft(flat)).abs()[0]
    for level, frequency in zip(levels[0].tolist(), (250, 500, 1000, 2000, 4000), strict=True):
        assert 20 * math.log10(gain[round(frequency * 32768 / 16000)]) == pytest.approx(level, abs=1e-6)
    assert 20 * math.log10(gain[round(math.sqrt(0.5) * 1000 * 32768 / 16000)]) == pytest.approx(-30, abs=0.1)


def test_envelope_attacks_decays_and_releases(voice: Voice) -> None:
    attack, decay, sustain, release = 0.1, 0.05, -20.0, 0.2
    e = voice.envelope(torch.tensor([[attack, decay, sustain, release]], dtype=torch.float64))[0]
    assert e[800].item() == pytest.approx(0.5)
    assert e.argmax() == 1600
    assert e.max().item() == pytest.approx(1)
    assert e[24000].item() == pytest.approx(0.1, rel=1e-6)
    assert (e[24000 + 3200] / e[24000]).item() == pytest.approx(math.exp(-1), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batch_is_loop_and_dtype_follows(small: Voice, dtype: torch.dtype) -> None:
    theta = small.space.to_theta(some(small, 4)).to(dtype)
    x = small(theta)
    assert x.dtype == dtype
    assert x.shape == (4, 700)
    tolerance = 2e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(x.abs().amax(1), torch.ones(4, dtype=dtype))
    torch.testing.assert_close(x, torch.cat([small(row[None]) for row in theta]), rtol=0, atol=tolerance)
    torch.testing.assert_close(x, torch.func.vmap(lambda row: small(row[None])[0])(theta), rtol=0, atol=tolerance)


def test_two_voices_make_the_same_sound(small: Voice) -> None:
    theta = small.space.to_theta(some(small, 2))
    assert torch.equal(small(theta), Voice(small.options)(theta))


def test_jacobians_in_both_modes_are_central_differences(small: Voice) -> None:
    nu, h = some(small, 1)[0], 1e-6

    def f(nu: Tensor) -> Tensor:
        x: Tensor = small(small.space.to_theta(nu[None]))[0]
        return x

    J = torch.func.jacfwd(f)(nu)
    differences = torch.stack([(f(nu + h * e) - f(nu - h * e)) / (2 * h) for e in torch.eye(len(nu)).double()], -1)
    torch.testing.assert_close(J, differences, rtol=0, atol=1e-6 * J.abs().max().item())
    torch.testing.assert_close(torch.func.jacrev(f)(nu), J, rtol=1e-9, atol=1e-9)


def test_finite_with_its_derivatives_at_the_bounds(voice: Voice) -> None:
    nu = torch.cat([some(voice, 24).sign(), torch.ones(1, len(voice.space)), -torch.ones(1, len(voice.space))]).float()
    x, vjp = torch.func.vjp(lambda nu: voice(voice.space.to_theta(nu)), nu)
    assert x.isfinite().all()
    assert x.abs().amax(1).gt(0.99).all()
    assert vjp(torch.ones_like(x))[0].isfinite().all()


def test_harmonics_fade_towards_nyquist(voice: Voice) -> None:
    levels, tilt = torch.zeros(1, 7, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    for f0 in (799.999, 800.0, 800.001):  # harmonic 10 reaches Nyquist
        x, tangent = torch.func.jvp(
            lambda f0: voice.harmonics(f0, levels, tilt), (torch.tensor([[f0]]).double(),), (torch.ones(1, 1).double(),)
        )
        spectrum = torch.fft.rfft(x[0] * torch.hann_window(32768, dtype=torch.float64)).abs() / 8192
        assert tangent.isfinite().all()
        assert spectrum[round(9 * f0 * 32768 / 16000)] > 0.5
        assert spectrum[-5:].max() < 1e-4


@pytest.mark.parametrize("num_levels", [1, 12])
def test_any_number_of_levels(num_levels: int) -> None:
    voice = Voice(VoiceOptions(num_levels=num_levels, num_harmonics=12, num_bands=1, num_samples=128))
    assert len(voice.space) == 1 + (num_levels - 1) + 1 + 1 + 4
    assert voice(voice.space.to_theta(some(voice, 3))).isfinite().all()


@pytest.mark.parametrize("wrong", [{"sample_rate": 100.0}, {"num_bands": 0}, {"num_levels": 101}, {"gate": -1.0}])
def test_options_say_what_is_wrong(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        VoiceOptions(**wrong)  # type: ignore[arg-type]
