"""The arpeggiator: reference values, and the laws of a synthesizer."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from invsound_amfm.arpeggiator import Arpeggiator, ArpeggiatorOptions
from torch import Tensor

REFERENCE = Path(__file__).parents[3] / "tests" / "data" / "synth" / "amfm.npz"


@pytest.fixture(scope="module")
def reference() -> dict[str, Tensor]:
    with np.load(REFERENCE) as file:
        return {name: torch.from_numpy(file[name]).double() for name in file.files}


@pytest.fixture(scope="module")
def synth() -> Arpeggiator:
    return Arpeggiator(ArpeggiatorOptions())


@pytest.fixture(scope="module")
def short() -> Arpeggiator:
    return Arpeggiator(ArpeggiatorOptions(num_samples=800))


def some(B: int) -> Tensor:
    return 2 * torch.rand(B, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1


def test_audio_is_the_reference(synth: Arpeggiator, reference: dict[str, Tensor]) -> None:
    torch.testing.assert_close(synth(reference["theta"]), reference["x"], rtol=0, atol=1e-11)
    theta = reference["theta"].float()
    torch.testing.assert_close(synth(theta).double(), synth(theta.double()), rtol=0, atol=3e-7)


def test_jacobian_is_the_reference(synth: Arpeggiator, reference: dict[str, Tensor]) -> None:
    log_theta = reference["theta"].log10()
    for p, e in enumerate(torch.eye(3, dtype=torch.float64)):
        J = torch.func.jvp(lambda s: synth(10.0**s), (log_theta,), (e.expand_as(log_theta),))[1]
        expected = reference["jac_log10"][:, p]  # central differences
        torch.testing.assert_close(J, expected, rtol=0, atol=3e-6 * expected.abs().max().item())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batch_is_loop_and_dtype_follows(short: Arpeggiator, dtype: torch.dtype) -> None:
    theta = short.space.to_theta(some(4)).to(dtype)
    x = short(theta)
    assert x.dtype == dtype
    assert x.shape == (4, 800)
    torch.testing.assert_close(x, torch.cat([short(row[None]) for row in theta]), rtol=0, atol=1e-12)
    torch.testing.assert_close(x, torch.func.vmap(lambda row: short(row[None])[0])(theta), rtol=0, atol=1e-12)


def test_jacobians_in_both_modes_are_central_differences(short: Arpeggiator) -> None:
    nu, h = some(1)[0], 1e-6

    def f(nu: Tensor) -> Tensor:
        x: Tensor = short(short.space.to_theta(nu[None]))[0]
        return x

    J = torch.func.jacfwd(f)(nu)
    differences = torch.stack([(f(nu + h * e) - f(nu - h * e)) / (2 * h) for e in torch.eye(3).double()], -1)
    torch.testing.assert_close(J, differences, rtol=0, atol=1e-6 * J.abs().max().item())
    torch.testing.assert_close(torch.func.jacrev(f)(nu), J, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("num_samples", [2, 1000, 32768, 400_000])
def test_finite_with_its_derivatives_in_every_corner(num_samples: int) -> None:
    synth = Arpeggiator(ArpeggiatorOptions(num_samples=num_samples))
    nu = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=3)))
    x, vjp = torch.func.vjp(lambda nu: synth(synth.space.to_theta(nu)), nu)
    assert x.isfinite().all()
    assert vjp(torch.ones_like(x))[0].isfinite().all()


def test_instantaneous_frequency_is_f0_in_the_middle_and_rises_gamma_octaves_per_second(synth: Arpeggiator) -> None:
    # with a slow tremolo out of the way, zero crossings of the sine carrier are (f0 (2^{γt} − 1)/(γ ln 2)) = k/2
    f0, fm, gamma = 600.0, 4.0, 1.0
    x = synth(torch.tensor([[f0, fm, gamma]], dtype=torch.float64))[0]
    t = (torch.arange(32768, dtype=torch.float64) - 16384) / 8192
    window = (t > 0.01) & (t < 0.12)  # between two zeros of the tremolo, 0 and 1/8 s
    crossings = t[1:][window[1:] & (x[1:] * x[:-1] < 0)]
    halves = 2 * f0 * (2 ** (gamma * crossings) - 1) / (gamma * math.log(2))
    assert len(crossings) == pytest.approx(2 * f0 * (2**0.12 - 2**0.01) / math.log(2), abs=1.5)
    assert (halves - halves.round()).abs().max() < 0.2


@pytest.mark.parametrize("wrong", [{"sample_rate": 2000.0}, {"num_samples": 1}, {"width": 0.0}])
def test_options_say_what_is_wrong(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ArpeggiatorOptions(**wrong)  # type: ignore[arg-type]
