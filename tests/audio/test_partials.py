"""Partials: what a sum of damped sinusoids was made of comes back; nothing comes out of what is none."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from invsound.audio.partials import modal_energy, partials

SAMPLE_RATE = 22050.0


def modes(count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Frequencies that rise by 0.5 to 150 Hz from one to the next, decays of 1.25 to 400 1/s, phases and levels at random."""
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(4, count, generator=generator, dtype=torch.float64)
    omega = 2 * math.pi * (60 + torch.cumsum(0.5 * 300 ** u[0], 0))
    return omega, 1.25 * 320 ** u[1], torch.polar(10 ** -u[2], 2 * math.pi * u[3])


def render(omega: Tensor, sigma: Tensor, a: Tensor, N: int = 16384) -> Tensor:
    t = torch.arange(N, dtype=torch.float64) / SAMPLE_RATE
    return (a * torch.exp((1j * omega - sigma) * t[:, None])).real.sum(1)


def noise(N: int, seed: int = 0) -> Tensor:
    return torch.randn(N, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_sum_of_partials_comes_back() -> None:
    omega, sigma, a = modes(40)
    heard = partials(render(omega, sigma, a), SAMPLE_RATE)
    assert len(heard.omega) == 40
    order = heard.omega.argsort()
    torch.testing.assert_close(heard.omega[order], omega, rtol=1e-6, atol=0)
    torch.testing.assert_close(heard.sigma[order], sigma, rtol=1e-4, atol=0)
    torch.testing.assert_close(heard.amplitude[order], a, rtol=1e-3, atol=0)


def test_loudest_first_whatever_the_gain() -> None:
    x = render(*modes(12, seed=1))
    heard, louder = partials(x, SAMPLE_RATE), partials(1000 * x, SAMPLE_RATE)
    loudness = modal_energy(heard.sigma, heard.amplitude, 8192 / SAMPLE_RATE)
    assert loudness.diff().max() < 0
    # 1000 rounds anew; the weakest of these modes is known to 1e-9, on one processor to a little more than on another
    torch.testing.assert_close(louder.omega, heard.omega, rtol=1e-8, atol=0)
    torch.testing.assert_close(louder.amplitude, 1000 * heard.amplitude, rtol=1e-6, atol=0)


def test_an_undamped_sine_has_its_frequency_and_phase() -> None:
    heard = partials(torch.sin(0.1 * torch.arange(8000).double()), SAMPLE_RATE)
    torch.testing.assert_close(heard.omega, torch.tensor([0.1 * SAMPLE_RATE]).double(), rtol=1e-10, atol=0)
    torch.testing.assert_close(heard.amplitude, torch.tensor([-1j], dtype=torch.complex128), rtol=0, atol=1e-9)
    assert heard.sigma.item() < 1e-6


def test_errors_in_noise_are_as_large_as_stated() -> None:
    omega, sigma, a = 2 * math.pi * torch.tensor([180.0, 410, 415, 2300]).double(), torch.tensor([2.0, 5, 9, 80]).double(), torch.ones(4)
    x = render(omega, sigma, a.to(torch.complex128))
    scores = []
    for seed in range(6):
        heard = partials(x + 0.1 * x.std() * noise(len(x), seed), SAMPLE_RATE)
        assert len(heard.omega) == 4
        k = heard.omega.argsort()
        scores.append(torch.stack([heard.omega[k] - omega, heard.sigma[k] - sigma]) / heard.deviation[k])
    rms = torch.stack(scores).square().mean(0).sqrt()
    assert rms.min() > 0.5
    assert rms.max() < 2.5


@pytest.mark.parametrize("N", [0, 1, 15, 1000, 16384])
def test_silence_clicks_and_noise_have_none(N: int) -> None:
    click, broken = torch.zeros(N), torch.full((N,), math.nan)
    click[N // 3 : N // 3 + 1] = 1
    for x in (torch.zeros(N), torch.ones(N), click, broken, noise(N) if N >= 1000 else click):
        assert [len(part) for part in partials(x, SAMPLE_RATE)] == [0, 0, 0, 0]


def test_the_answer_is_the_same_twice_and_hardly_depends_on_the_seed() -> None:
    x = render(*modes(12, seed=2)).float()
    first, again, other = (partials(x, SAMPLE_RATE, seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert first.omega.dtype == torch.float64
    torch.testing.assert_close(other.omega[:12], first.omega[:12], rtol=1e-6, atol=0)
