"""The drum of recordings: `ftm`'s where nothing is added, and each thing that is added is what its name says."""

from __future__ import annotations

import math

import pytest
import torch
from invsound_ftm.approach import approach, comparison
from invsound_ftm.drum import Drum, DrumOptions
from invsound_ftm.modes import spectrum
from invsound_ftm.struck import StruckDrum, StruckOptions
from invsound_ftm.warp import read
from torch import Tensor

BARE = {"strike": 0.4, "pickup": 0.4, "contact": 5e-5, "glide": 1e-3, "noise": -60.0}


@pytest.fixture(scope="module")
def synth() -> StruckDrum:
    return StruckDrum(StruckOptions(num_modes=4, num_samples=600))


def some(synth: StruckDrum, B: int, seed: int = 0) -> Tensor:
    return 2 * torch.rand(B, len(synth.space), generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def drums(synth: StruckDrum, **values: float) -> Tensor:
    """θ [1, P], a plain drum of 100 Hz but for these values."""
    plain = {"omega": 200 * math.pi, "tau": 0.3, "p": 0.01, "D": 0.01, "alpha": 0.6, **BARE}
    return synth.space.values(plain | values)[None]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_drum_of_the_paper_is_its_special_case(dtype: torch.dtype) -> None:
    synth, ftm = StruckDrum(StruckOptions(num_samples=8000)), Drum(DrumOptions(num_samples=8000))
    nu = 2 * torch.rand(8, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    theta = torch.cat([ftm.space.to_theta(nu), drums(synth)[:, 5:].expand(8, -1)], 1)
    tolerance = 1e-11 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(synth(theta.to(dtype)), ftm(theta[:, :5].to(dtype)), rtol=0, atol=tolerance)


def test_what_is_read_between_samples_is_the_sinusoid() -> None:
    n, time = torch.arange(200).double(), torch.linspace(0, 199, 1001, dtype=torch.float64)
    for omega in (math.pi / 8, math.pi / 4):
        error = (read(torch.sin(omega * n)[None], time[None])[0] - torch.sin(omega * time)).abs()
        assert error[25:-25].max() < 105**2 / 2**8 / math.factorial(8) * omega**8
        assert error.max() < 1e-2
    torch.testing.assert_close(read(n[None].cos(), n[None])[0], n.cos(), rtol=0, atol=1e-12)


def test_a_force_of_half_a_sine_has_this_spectrum() -> None:
    T, t = 2e-3, (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000 - 0.5
    omega = torch.tensor([1.0, math.pi / T, 3 * math.pi / T, 9000.0], dtype=torch.float64)
    force = torch.cos(math.pi * t) * math.pi / 2 / 20_000
    torch.testing.assert_close(spectrum(omega * T), torch.cos(omega[:, None] * T * t) @ force, rtol=0, atol=1e-8)
    assert torch.func.jacfwd(spectrum)(torch.tensor(math.pi).double()).isfinite()


def test_all_modes_keep_one_clock() -> None:
    """x(t) = m(t̃(t)), the modes summed one by one."""
    synth = StruckDrum(StruckOptions(num_modes=3, num_samples=3000))
    theta = drums(synth, glide=0.3, glide_time=0.05, strike=0.3, contact=1e-3)
    omega, sigma = synth.membrane.modes(theta[:, :5])
    A = synth.shape(theta[:, 5:6], theta[:, 6:7]) * spectrum(omega * (1e-3 - 5e-5)) / omega
    t = torch.arange(3000, dtype=torch.float64)[:, None] / 22050
    clock = t - (0.3 - 1e-3) * (t - 0.05 * (1 - torch.exp(-t / 0.05)))
    x = (A * torch.exp(-sigma * clock) * torch.sin(omega * clock)).sum(1)
    torch.testing.assert_close(synth(theta)[0], x / x.abs().max(), rtol=0, atol=1e-7)


def test_noise_is_in_its_band_as_loud_and_as_long_as_it_says() -> None:
    synth = StruckDrum(StruckOptions())
    theta = drums(synth, noise=-20, noise_frequency=2000, noise_width=0.5, noise_decay=0.2)
    hiss = synth.hiss(theta)[0]
    t = torch.arange(len(hiss), dtype=torch.float64) / 22050
    level = 20 * ((hiss * torch.exp(t / 0.2))[:22050].square().mean().sqrt()).log10()
    assert level.item() == pytest.approx(20 * math.log10(0.1 - 1e-3), abs=0.5)
    power = torch.fft.rfft(hiss).abs().square()
    octave = (torch.fft.rfftfreq(len(hiss), 1 / 22050).double().clamp(min=1) / 2000).log2()
    mean = (power * octave).sum() / power.sum()
    spread = ((power * (octave - mean) ** 2).sum() / power.sum()).sqrt()
    assert spread.item() == pytest.approx(0.5 / math.sqrt(2), rel=0.1)
    assert not torch.equal(hiss, StruckDrum(StruckOptions(seed=1)).hiss(theta)[0])


def test_a_short_drum_is_the_beginning_of_a_long_one() -> None:
    short, long = StruckDrum(StruckOptions(num_samples=4000)), StruckDrum(StruckOptions(num_samples=30_000))
    for frequency, width in ((60, 0.2), (2000, 0.2), (3000, 3.9)):
        theta = drums(short, noise=0, noise_frequency=frequency, noise_width=width, noise_decay=1, glide=0.1)
        torch.testing.assert_close(short(theta), long(theta)[:, :4000], rtol=0, atol=3e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batch_is_loop_and_dtype_follows(synth: StruckDrum, dtype: torch.dtype) -> None:
    theta = synth.space.to_theta(some(synth, 4)).to(dtype)
    x = synth(theta)
    assert x.dtype == dtype
    torch.testing.assert_close(x.abs().amax(1), torch.ones(4, dtype=dtype))
    torch.testing.assert_close(x, torch.cat([synth(row[None]) for row in theta]), rtol=0, atol=1e-12 if dtype == torch.float64 else 1e-5)


def test_jacobians_in_both_modes_are_central_differences(synth: StruckDrum) -> None:
    nu, h, eye = 0.9 * some(synth, 3, 1), 1e-6, torch.eye(len(synth.space)).double()

    def f(nu: Tensor) -> Tensor:
        x: Tensor = synth(synth.space.to_theta(nu))
        return x

    J = torch.func.vmap(lambda e: torch.func.jvp(f, (nu,), (e.expand_as(nu),))[1], out_dims=-1)(eye)
    differences = torch.stack([(f(nu + h * e) - f(nu - h * e)) / (2 * h) for e in eye], -1)
    torch.testing.assert_close(J, differences, rtol=0, atol=1e-6 * J.abs().max().item())
    torch.testing.assert_close(torch.func.jacrev(lambda row: f(row[None])[0])(nu[0]), J[0], rtol=1e-9, atol=1e-9)


def test_finite_with_its_derivatives_in_corners(synth: StruckDrum) -> None:
    nu = torch.where(some(synth, 64, 1) > 0, 1.0, -1.0).float()
    x, vjp = torch.func.vjp(lambda nu: synth(synth.space.to_theta(nu)), nu)
    assert x.isfinite().all()
    assert vjp(torch.ones_like(x))[0].isfinite().all()
    for e in torch.eye(nu.shape[1]):
        assert torch.func.jvp(lambda nu: synth(synth.space.to_theta(nu)), (nu,), (e.expand_as(nu),))[1].isfinite().all()


def test_it_comes_nearer_in_timbre_than_any_candidate() -> None:
    synth = StruckDrum(StruckOptions(num_samples=4096, num_modes=6))
    x = synth(drums(synth, glide=0.5, glide_time=0.03, contact=2e-3, noise=-20, noise_decay=0.05))[0]
    nu = approach(synth, x, candidates=32)
    assert 0 < len(nu) <= 6
    residual = comparison(synth, x, 4096)
    nearest, random = residual(nu[:1]).norm(), residual(some(synth, 64)).norm(dim=1)
    assert nearest < 0.5 * random.min()


@pytest.mark.parametrize("N", [4000, 20])
def test_candidates_are_within_the_range_whatever_is_heard(N: int) -> None:
    synth, generator = StruckDrum(StruckOptions(num_samples=N)), torch.Generator().manual_seed(0)
    assert len(synth.guess(torch.zeros(N))) == 0
    for x in ((torch.arange(N) == N // 4).float(), torch.randn(N, generator=generator), torch.sin(0.1 * torch.arange(N))[: N // 2]):
        nu = approach(synth, x, candidates=16)
        assert nu.dtype == x.dtype
        assert nu.shape[1] == len(synth.space)
        assert nu.isfinite().all()
        assert (nu.abs() <= 1).all()


@pytest.mark.parametrize("wrong", [{"num_modes": 0}, {"sample_rate": 100.0}, {"seed": -1}])
def test_options_say_what_is_wrong(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        StruckOptions(**wrong)
