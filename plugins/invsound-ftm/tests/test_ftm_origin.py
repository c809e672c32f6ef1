"""A drum that the synthesizer made is found again, noise and all; what it did not make is left to others."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from invsound_ftm.hiss import Hearing
from invsound_ftm.membranes import Keen, around, membranes, struck
from invsound_ftm.origin import HEARD, origin
from invsound_ftm.string import String, StringOptions
from invsound_ftm.struck import StruckDrum, StruckOptions
from torch import Tensor

N, RATE = 16384, 22050.0
PLAIN = {
    "omega": 2 * math.pi * 150, "tau": 0.2, "p": 0.02, "D": 0.02, "alpha": 0.6, "strike": 0.31, "pickup": 0.22, "contact": 1e-3,
    "glide": 0.1, "glide_time": 0.05, "noise": -20.0, "noise_frequency": 2000.0, "noise_width": 0.7, "noise_decay": 0.05,
}  # fmt: skip


@pytest.fixture(scope="module")
def synth() -> StruckDrum:
    return StruckDrum(StruckOptions(num_samples=N))


@pytest.fixture
def drum(synth: StruckDrum) -> Callable[..., tuple[Tensor, Tensor]]:
    """θ [1, P] of a plain drum but for these values, and its sound [N]."""

    def made(**values: float) -> tuple[Tensor, Tensor]:
        theta = synth.space.values(PLAIN | values)[None].double()
        return theta, synth(theta)[0]

    return made


@pytest.mark.parametrize("level", [-40.0, -10.0, 10.0])
def test_noise_that_is_known_by_its_seed_is_heard_beside_the_drum(
    level: float, synth: StruckDrum, drum: Callable[..., tuple[Tensor, Tensor]]
) -> None:
    theta, x = drum(noise=level)
    heard = Hearing(synth)(x)
    skin = synth.skin(theta)[0]
    gain = (10 ** (level / 20) - 1e-3) / (skin / skin.abs().max() + synth.hiss(theta)[0]).abs().max()
    assert heard.chi2 > HEARD
    assert abs(20 * (heard.theta[0] / gain).log10()) < 1
    assert heard.theta[1:].tolist() == pytest.approx([2000, 0.7, 0.05], rel=0.1)


def test_of_other_noise_none_is_heard(synth: StruckDrum) -> None:
    other = StruckDrum(StruckOptions(num_samples=N, seed=1))
    x = other(synth.space.values(PLAIN | {"noise": 0.0})[None].double())[0]
    assert Hearing(synth)(x).chi2 < HEARD


def test_the_stick_of_a_membrane_explains_it_and_others_less(synth: StruckDrum, drum: Callable[..., tuple[Tensor, Tensor]]) -> None:
    theta, x = drum(noise=-60.0)
    best, *others = struck(synth, x[:8192], theta[0, :5], (0.1 - 1e-3, 0.05), 4)
    assert best.share > 0.95
    places = best.theta[5:7].sort()[0]
    assert (places - torch.tensor([0.22, 0.31])).abs().max() < 0.02
    assert [one.share for one in others] == sorted((one.share for one in others), reverse=True)
    assert others[0].share < best.share
    still = struck(synth, x[:8192], theta[0, :5], (1e-4, 0.05), 1)[0]
    assert still.share < 0.5 * best.share


def test_a_membrane_is_heard_by_the_clock_that_it_keeps(synth: StruckDrum, drum: Callable[..., tuple[Tensor, Tensor]]) -> None:
    theta, x = drum(noise=-60.0)
    best = membranes(synth, x)[0]
    assert best.share > 0.8
    assert best.theta[0] == pytest.approx(float(theta[0, 0]), rel=0.03)
    assert best.theta[8] == pytest.approx(0.1, rel=0.3)
    near = around(synth, x, best.theta, 6)
    assert 1 < len(near) <= 6
    assert near[0].share >= best.share - 1e-6


@pytest.mark.parametrize(
    "values", [{}, {"glide": 0.4, "noise": 0.0, "noise_decay": 0.02}, {"noise": -60.0, "contact": 5e-5, "glide": 1e-3}]
)
def test_the_drum_that_made_a_sound_is_found(
    values: dict[str, float], synth: StruckDrum, drum: Callable[..., tuple[Tensor, Tensor]]
) -> None:
    theta, x = drum(**values)
    nu = origin(synth, x)
    assert len(nu) == 1
    made = synth(synth.space.to_theta(nu))[0]
    assert (made - x).norm() < 1e-2 * x.norm()
    found = synth.space.to_theta(nu)[0]
    assert found[0] == pytest.approx(float(theta[0, 0]), rel=1e-2)


def test_as_far_as_it_was_recorded(synth: StruckDrum, drum: Callable[..., tuple[Tensor, Tensor]]) -> None:
    _, x = drum()
    nu = origin(synth, x[:6000])
    assert ((synth(synth.space.to_theta(nu))[0, :6000] - x[:6000]).norm() < 2e-2 * x.norm()).all()
    assert len(nu) == 1


def test_what_it_did_not_make_has_no_origin(synth: StruckDrum) -> None:
    string = String(StringOptions(num_samples=N))
    middle = string(string.space.to_theta(torch.zeros(1, 6, dtype=torch.float64)))[0]
    t, generator = torch.arange(N) / RATE, torch.Generator().manual_seed(0)
    hit = torch.randn(N, generator=generator, dtype=torch.float64) * torch.exp(-t / 0.03)
    for x in (middle, hit, torch.nn.functional.pad(hit, (500, 0))[:N], x_of_two(t)):
        assert len(origin(synth, x.double() / x.abs().max())) == 0


def x_of_two(t: Tensor) -> Tensor:
    """Two strokes, a tenth of a second apart."""
    once = torch.exp(-t / 0.1) * torch.sin(2 * math.pi * 170 * t)
    return once + 0.9 * torch.nn.functional.pad(torch.exp(-t / 0.05) * torch.sin(2 * math.pi * 431 * t), (2205, 0))[: len(t)]


def test_a_keen_ear_counts_weak_partials_nearly_as_loud_ones(synth: StruckDrum, drum: Callable[..., tuple[Tensor, Tensor]]) -> None:
    theta, x = drum(noise=-60.0, glide=1e-3)
    ear = Keen(synth.membrane, x)
    assert ear.energy.min() > 0.03
    own = synth.membrane.space.to_nu(theta[:, :5]).clamp(-1, 1)
    assert ear.score(own, 1e-2, 24) > 0.9
    assert ear.score(own + 0.2, 1e-2, 24) < ear.score(own, 1e-2, 24)
