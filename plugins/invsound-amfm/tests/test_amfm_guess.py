"""The arpeggiator listens: it finds the parameters of its own sounds, however loud, late or noisy; and it is cheap to differentiate."""

from __future__ import annotations

import math

import pytest
import torch
from invsound_amfm.arpeggiator import Arpeggiator, ArpeggiatorOptions
from torch import Tensor


@pytest.fixture(scope="module")
def synth() -> Arpeggiator:
    return Arpeggiator(ArpeggiatorOptions())


def some(synth: Arpeggiator, B: int, seed: int = 0) -> Tensor:
    return synth.space.to_theta(2 * torch.rand(B, 3, generator=torch.Generator().manual_seed(seed)) - 1)


def error(synth: Arpeggiator, x: Tensor, theta: Tensor) -> float:
    """Largest relative error of the first candidate."""
    nu = synth.guess(x)
    assert 1 <= len(nu) <= 8
    assert nu.abs().max() <= 1
    return (synth.space.to_theta(nu[0].double()) / theta.double() - 1).abs().max().item()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_its_own_sounds(synth: Arpeggiator, dtype: torch.dtype) -> None:
    theta = some(synth, 2)
    for row, x in zip(theta, synth(theta), strict=True):
        assert error(synth, x.to(dtype), row) < (1e-6 if dtype == torch.float32 else 1e-8)
    assert synth.guess(x.to(dtype)).dtype == dtype


def test_the_corners_of_the_space(synth: Arpeggiator) -> None:
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)[1::5]
    for row in synth.space.to_theta(corners):
        assert error(synth, synth(row[None])[0], row) < 1e-5


@pytest.mark.parametrize("delay", [-0.05, 0.0123, -0.8])
def test_a_sound_out_of_place(synth: Arpeggiator, delay: float) -> None:
    theta = some(synth, 1, seed=1)
    late = 2j * math.pi * torch.fft.rfftfreq(32768, 1 / 8192) * delay
    for row, x in zip(theta, torch.fft.irfft(torch.fft.rfft(synth(theta)) * torch.exp(-late)), strict=True):
        assert error(synth, x, row) < 1e-4


def test_the_gain_does_not_matter(synth: Arpeggiator) -> None:
    theta = some(synth, 1, seed=2)
    x = synth(theta)[0]
    assert error(synth, -1e-6 * x, theta[0]) < 1e-6
    assert torch.equal(synth.guess(0.25 * x), synth.guess(x))  # a power of two changes no digit, nor does a second time


def test_noise_moves_it_a_little(synth: Arpeggiator) -> None:
    theta = some(synth, 2, seed=3)
    noise = torch.randn(2, 32768, generator=torch.Generator().manual_seed(0))
    x = synth(theta)
    x = torch.roll(x, 200, 1) / 4 + noise * (0.1 / 4 * x.norm(dim=1) / noise.norm(dim=1))[:, None]  # 20 dB
    assert max(error(synth, row, truth) for row, truth in zip(x, theta, strict=True)) < 2e-3


def odd_sounds(N: int) -> dict[str, Tensor]:
    noise = torch.randn(N, generator=torch.Generator().manual_seed(0))
    click, t = torch.zeros(N), torch.arange(N) / 8192
    click[N // 3] = 1
    sounds = {"silence": torch.zeros(N), "click": click, "noise": noise, "constant": torch.ones(N), "hum": torch.sin(300 * t)}
    return sounds | {"faint": 1e-42 * torch.ones(N), "loud": 1e30 * noise, "broken": torch.where(noise > 2, torch.nan, noise)}


@pytest.mark.parametrize("num_samples", [2, 600, 4000])
def test_candidates_are_finite_whatever_it_hears(num_samples: int) -> None:
    synth = Arpeggiator(ArpeggiatorOptions(num_samples=num_samples))
    for name, x in odd_sounds(num_samples).items():
        nu = synth.guess(x)
        assert nu.isfinite().all(), name
        assert nu.abs().le(1).all(), name
        assert nu.shape[1] == 3, name
    assert len(synth.guess(torch.zeros(num_samples))) == 0


def test_derivatives_of_second_order_agree_in_all_modes() -> None:
    synth = Arpeggiator(ArpeggiatorOptions(num_samples=400))
    nu, f = torch.tensor([0.1, -0.4, 0.7], dtype=torch.float64), torch.func

    def energy(nu: Tensor) -> Tensor:
        return synth(synth.space.to_theta(nu[None])).square().sum()

    h = 1e-5
    expected = torch.stack([(f.grad(energy)(nu + h * e) - f.grad(energy)(nu - h * e)) / (2 * h) for e in torch.eye(3).double()], -1)
    for outer in (f.jacfwd, f.jacrev):
        for inner in (f.jacfwd, f.jacrev):
            torch.testing.assert_close(outer(inner(energy))(nu), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def test_derivatives_of_many_sounds_are_those_of_each() -> None:
    synth = Arpeggiator(ArpeggiatorOptions(num_samples=300))
    theta = some(synth, 3).double()
    jacobian = torch.func.jacfwd(lambda row: synth(row[None])[0])
    torch.testing.assert_close(torch.func.vmap(jacobian)(theta), torch.stack([jacobian(row) for row in theta]), rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(synth, (theta.requires_grad_(),), check_forward_ad=True, eps=1e-7, atol=1e-4)
