"""The drum and the string: reference values, and the laws of a synthesizer over the whole range."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from invsound_ftm.drum import Drum, DrumOptions
from invsound_ftm.string import String, StringOptions
from torch import Tensor

from invsound import Synth

REFERENCE = Path(__file__).parents[3] / "tests" / "data" / "synth" / "ftm.npz"


@pytest.fixture(scope="module")
def reference() -> dict[str, Tensor]:
    with np.load(REFERENCE) as file:
        return {name: torch.from_numpy(file[name]).double() for name in file.files}


@pytest.fixture(params=["drum", "string"])
def synth(request: pytest.FixtureRequest) -> Synth:
    if request.param == "drum":
        return Drum(DrumOptions(num_modes=4, num_samples=600))
    return String(StringOptions(num_modes=7, num_samples=600))


def some(synth: Synth, B: int, seed: int = 0) -> Tensor:
    return 2 * torch.rand(B, len(synth.space), generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def corners(synth: Synth) -> Tensor:
    return torch.tensor(list(itertools.product((-1.0, 1.0), repeat=len(synth.space))), dtype=torch.float64)


def test_drum_modes_are_the_reference(reference: dict[str, Tensor]) -> None:
    omega, sigma = Drum(DrumOptions()).modes(reference["theta"])
    torch.testing.assert_close(omega, reference["mode_omega"].flatten(1), rtol=1e-12, atol=0)
    torch.testing.assert_close(sigma, reference["mode_decay"].flatten(1), rtol=1e-12, atol=0)


def test_drum_is_the_reference(reference: dict[str, Tensor]) -> None:
    drum, theta, x = Drum(DrumOptions()), reference["theta"], reference["x"]
    torch.testing.assert_close(drum(theta), x, rtol=0, atol=6e-8)  # x is stored in float32
    torch.testing.assert_close(drum(theta.float()).double(), drum(theta.float().double()), rtol=0, atol=1e-6)


def test_string_is_the_sum_of_its_modes() -> None:
    string = String(StringOptions(num_samples=2000))
    EI, T0, d1, d3, mass, length = theta = (9e-4, 60.0, 8e-4, 1.4e-5, 6e-4, 0.65)
    t, x = np.arange(2000) / 22050, np.zeros(2000)
    for m in range(1, 21):
        n = (m * math.pi / length) ** 2
        sigma = (d1 + d3 * n) / (2 * mass)
        omega = math.sqrt((EI * n**2 + T0 * n) / mass - sigma**2)
        if omega < math.pi * 22050:
            x += math.sin(0.12 * math.pi * m) * math.sin(0.31 * math.pi * m) / omega * np.exp(-sigma * t) * np.sin(omega * t)
    expected = torch.from_numpy(x / np.abs(x).max())
    torch.testing.assert_close(string(torch.tensor([theta], dtype=torch.float64))[0], expected, rtol=0, atol=1e-10)


def test_a_string_mode_that_cannot_oscillate_is_dropped() -> None:
    string = String(StringOptions(num_modes=3, num_samples=100))
    theta = torch.tensor([[1e-5, 10, 1.0, 1e-4, 2e-4, 1.5]], dtype=torch.float64)
    x, J = string(theta), torch.func.jacfwd(string)(theta)
    assert x.abs().max() == 0
    assert J.abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batch_is_loop_and_dtype_follows(synth: Synth, dtype: torch.dtype) -> None:
    theta = synth.space.to_theta(some(synth, 4)).to(dtype)
    x = synth(theta)
    assert x.dtype == dtype
    assert x.shape == (4, 600)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(x, torch.cat([synth(row[None]) for row in theta]), rtol=0, atol=tolerance)
    torch.testing.assert_close(x, torch.func.vmap(lambda row: synth(row[None])[0])(theta), rtol=0, atol=tolerance)


def test_peak_is_one(synth: Synth) -> None:
    x = synth(synth.space.to_theta(some(synth, 16)))
    torch.testing.assert_close(x.abs().amax(1), torch.ones(16, dtype=torch.float64))


def test_jacobian_is_central_differences(synth: Synth) -> None:
    nu, h = some(synth, 3), 1e-6

    def f(nu: Tensor) -> Tensor:
        x: Tensor = synth(synth.space.to_theta(nu))
        return x

    J = torch.stack([torch.func.jvp(f, (nu,), (e.expand_as(nu),))[1] for e in torch.eye(nu.shape[1]).double()], -1)
    differences = torch.stack([(f(nu + h * e) - f(nu - h * e)) / (2 * h) for e in torch.eye(nu.shape[1]).double()], -1)
    torch.testing.assert_close(J, differences, rtol=0, atol=1e-6 * J.abs().max().item())
    reverse = torch.func.jacrev(lambda row: f(row[None])[0])(nu[0])
    torch.testing.assert_close(reverse, J[0], rtol=1e-9, atol=1e-9)


def test_finite_with_its_derivatives_in_every_corner(synth: Synth) -> None:
    nu = corners(synth).float()
    x, vjp = torch.func.vjp(lambda nu: synth(synth.space.to_theta(nu)), nu)
    assert x.isfinite().all()
    assert x.abs().amax(1).gt(0.99).all()
    assert vjp(torch.ones_like(x))[0].isfinite().all()
    for e in torch.eye(nu.shape[1]):
        assert torch.func.jvp(lambda nu: synth(synth.space.to_theta(nu)), (nu,), (e.expand_as(nu),))[1].isfinite().all()


def test_gradient_is_finite_where_a_mode_crosses_nyquist() -> None:
    drum = Drum(DrumOptions(num_modes=2, num_samples=300))
    theta = torch.tensor([[2 * math.pi * 900, 0.3, 1e-3, 0.2, 0.5]], dtype=torch.float64)
    low, high = theta.clone(), theta.clone()
    low[0, 3], high[0, 3] = 1e-5, 2.0
    for _ in range(60):  # bisection on D for the highest mode at Nyquist
        middle = (low + high) / 2
        low, high = (middle, high) if drum.modes(middle)[0].max() < math.pi * 22050 else (low, middle)
    for side in (low, high):
        assert drum.modes(side)[0].max().item() == pytest.approx(math.pi * 22050, rel=1e-12)
        assert torch.func.jacfwd(drum)(side).isfinite().all()
    assert not torch.equal(drum(low), drum(high))


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (DrumOptions, {"num_modes": 0}),
        (DrumOptions, {"strike": 1.0}),
        (StringOptions, {"sample_rate": 100.0}),
        (StringOptions, {"pickup": 0.0}),
    ],
)
def test_options_say_what_is_wrong(options: type, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        options(**wrong)
