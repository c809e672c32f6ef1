"""In noise a sound is compared as it would be recorded there: the noise is not what is looked for."""

from pathlib import Path

import numpy as np
import pytest
import torch

import invsound
from invsound.audio.floor import floor
from invsound.audio.recording import Recording
from invsound.matching.matching import Matching
from invsound.matching.target import Target

THETA = [700.0, 8.0, 2.0]


@pytest.fixture(scope="module")
def matcher():
    return invsound.Matcher("amfm", "jtfs", None, {"synth": {"num_samples": 8192}, "feature": {"J": 9, "Q": [8, 1]}}, quiet=True)


def pink(n, decibels):
    white = np.fft.rfft(np.random.default_rng(3).standard_normal(n))
    noise = np.fft.irfft(white / np.sqrt(1 + np.arange(len(white))), n)
    return 10 ** (decibels / 20) * noise / noise.std()


@pytest.fixture(scope="module")
def recording(matcher):
    """A sound in pink noise, 30 dB under its peak, that was heard before it, too."""
    noise = pink(12288, -30)
    x = matcher.synth(torch.tensor([THETA], dtype=torch.float64))[0].numpy() + noise[4096:]
    heard = floor(x, matcher.synth.signal.sample_rate, noise[:4096])
    return Recording(torch.tensor(x).float(), Path("x.wav"), [], floor=torch.tensor(heard).float())


def test_a_sound_is_nearer_to_its_recording_above_the_noise(matcher, recording):
    nu = matcher.synth.space.to_nu(torch.tensor([THETA])).float()
    S = matcher.represent(recording.x[None])
    alone, above = (Target(recording, matcher.problem, "cpu", floor) for floor in (False, True))
    far, near = (float((target.problem(nu) - S).norm()) for target in (alone, above))
    assert near < 0.1 * far
    torch.testing.assert_close(above.problem.render(nu), matcher.problem.render(nu))  # and nobody hears it in the answer


def test_the_jacobian_is_that_of_what_is_heard(matcher, recording):
    problem = Target(recording, matcher.problem, "cpu").problem
    nu = torch.tensor([[0.1, -0.2, 0.3]], dtype=torch.float64)
    J, h = problem.jacobian(nu), 1e-6
    for k, e in enumerate(torch.eye(3, dtype=torch.float64)):
        slope = (problem(nu + h * e) - problem(nu - h * e)) / (2 * h)
        torch.testing.assert_close(J[..., k], slope, rtol=1e-3, atol=1e-3 * float(J[..., k].abs().max()))


def test_it_may_be_left_alone(matcher, recording):
    without = invsound.Matcher("amfm", "mss", None, {"match": {"floor": False}}, quiet=True)
    assert Matching(without, recording).target.problem is without.problem


def test_a_match_says_so_and_finds_what_sounds_in_it(tiny):
    rate, t = 8000, np.arange(512) / 8000
    x = pink(4512, -55)
    x[4000:] += np.exp(-t / 0.02) * np.sin(2 * np.pi * 440 * t)
    found = invsound.match(
        x, rate, synth=tiny, feature="mss", overrides=["feature.n_fft=[256]"], candidates=32, evaluations=150, quiet=True
    )
    assert any("noise floor" in note and "dB under the peak" in note for note in found.notes)
    assert found.parameters["f"] == pytest.approx(440, rel=0.01)
    assert found.parameters["tau"] == pytest.approx(0.02, rel=0.3)
