"""In a room a sound is compared as it would be heard there: the room is not what is looked for."""

from pathlib import Path

import pytest
import torch

import invsound
from invsound.audio.recording import Recording
from invsound.data.augment import room
from invsound.matching.matching import Matching
from invsound.matching.target import Target, tail
from invsound.system.rng import generator


@pytest.fixture(scope="module")
def matcher():
    return invsound.Matcher("ftm", "jtfs", None, {"synth": {"num_samples": 8192}, "feature": {"J": 9, "Q": [8, 1]}}, quiet=True)


@pytest.fixture(scope="module")
def nu():
    return torch.tensor([[-0.2, -0.5, 0.1, 0.2, 0.3]])


@pytest.fixture(scope="module")
def recording(matcher, nu):
    x = room(matcher.problem.render(nu)[0], matcher.synth.signal.sample_rate, generator(1, "augment", "room"))
    return Recording(x, Path("x.wav"), [])


def test_a_tail_falls_by_60_dB_in_its_time_and_is_10_dB_down():
    h = tail(0.5, 20000, 10000.0)
    assert 10 * h.square().sum().log10() == pytest.approx(-10, abs=1e-4)
    at = [10 * h[k : k + 500].square().mean().log10() for k in (0, 5000)]
    assert at[0] - at[1] == pytest.approx(60, abs=2)


def test_a_sound_is_nearer_to_its_recording_in_a_room_that_both_are_in(matcher, nu, recording):
    distance = {}
    for seconds in (None, 0.3):
        target = Target(recording, matcher.problem, "cpu", room=seconds)
        distance[seconds] = float((target.problem(nu) - matcher.represent(target.placed)).norm())
        torch.testing.assert_close(target.problem.render(nu), matcher.problem.render(nu))  # and nobody hears it in the answer
    assert distance[0.3] < 0.6 * distance[None]


def test_of_a_sound_without_a_room_nothing_is_left(matcher, nu):
    target = Target(Recording(matcher.problem.render(nu)[0], Path("x.wav"), []), matcher.problem, "cpu", room=0.3)
    S = matcher.represent(target.placed)
    assert float((target.problem(nu) - S).norm()) < 1e-5 * float(S.norm())


def test_what_is_placed_is_what_a_convolution_gives(matcher):
    problem = Target(Recording(torch.zeros(8192), Path("x.wav"), []), matcher.problem, "cpu", room=0.1).problem
    x = torch.randn(2, 8192, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    direct = torch.nn.functional.conv1d(x[:, None, :500], problem.room.double()[None, None].flip(-1), padding=8191)[:, 0, :500]
    torch.testing.assert_close(problem.placed(x)[:, :500] - x[:, :500], direct)


def test_the_jacobian_is_that_of_what_is_heard(matcher, nu, recording):
    problem, nu = Target(recording, matcher.problem, "cpu", room=0.3).problem, nu.double()
    J, h = problem.jacobian(nu), 1e-6
    for k, e in enumerate(torch.eye(5, dtype=torch.float64)):
        slope = (problem(nu + h * e) - problem(nu - h * e)) / (2 * h)
        torch.testing.assert_close(J[..., k], slope, rtol=1e-3, atol=1e-3 * float(J[..., k].abs().max()))


def test_it_is_asked_for(matcher, recording):
    assert Matching(matcher, recording).target.problem is matcher.problem


def test_a_match_finds_what_sounds_in_it(matcher, nu, recording):
    found = invsound.match(
        recording.x.numpy(), int(matcher.synth.signal.sample_rate), synth="ftm", feature="jtfs", candidates=64, evaluations=400, quiet=True,
        overrides=["synth.num_samples=8192", "feature.J=9", "feature.Q=[8, 1]", "match.room=0.3"],
    )  # fmt: skip
    truth = matcher.synth.space.named(matcher.synth.space.to_theta(nu)[0])
    assert found.parameters["omega"] == pytest.approx(truth["omega"], rel=0.01)
    assert found.parameters["tau"] == pytest.approx(truth["tau"], rel=0.2)
