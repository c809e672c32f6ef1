"""In noise a sound is compared as it would be recorded there: the noise is not what is looked for."""

import numpy as np
import pytest
import torch

import invsound
from invsound.audio.recording import load_samples
from invsound.matching.matching import Matching
from invsound.matching.target import Target

THETA = {"f0": 700.0, "fm": 8.0, "gamma": 2.0}


@pytest.fixture(scope="module")
def matcher():
    how = {"budget": None, "evaluations": 150, "candidates": 32, "starts": 1}
    parts = {"synth": {"num_samples": 8192}, "feature": {"n_fft": [512, 128]}, "match": how}
    return invsound.Matcher("amfm", "mss", None, parts, quiet=True)


@pytest.fixture(scope="module")
def recorded(matcher):
    """Half a second of noise, and the sound in it; pink, 25 dB under the peak."""
    rate = matcher.synth.signal.sample_rate
    x = matcher.synth(torch.tensor([list(THETA.values())], dtype=torch.float64))[0].numpy()
    n, m = len(x), round(0.5 * rate)
    white = np.fft.rfft(np.random.default_rng(3).standard_normal(n + m))
    noise = np.fft.irfft(white / np.sqrt(1 + np.arange(len(white))), n + m)
    return 10 ** (-25 / 20) * np.abs(x).max() * noise / noise.std() + np.concatenate([np.zeros(m), x]), rate


def test_a_sound_is_nearer_to_its_recording_above_the_noise(matcher, recorded):
    recording = load_samples(*recorded, matcher.synth.signal)
    nu = matcher.synth.space.to_nu(torch.tensor([list(THETA.values())])).float()
    S = matcher.represent(recording.x[None])
    alone, above = (Target(recording, matcher.problem, "cpu", floor) for floor in (False, True))
    far, near = (float((target.problem(nu) - S).norm()) for target in (alone, above))
    assert near < 0.5 * far
    torch.testing.assert_close(above.problem.render(nu), matcher.problem.render(nu))  # and nobody hears it in the answer


def test_the_jacobian_is_that_of_what_is_heard(matcher, recorded):
    recording = load_samples(*recorded, matcher.synth.signal)
    problem = Target(recording, matcher.problem, "cpu").problem
    nu = torch.tensor([[0.1, -0.2, 0.3]], dtype=torch.float64)
    J, h = problem.jacobian(nu), 1e-6
    for k, e in enumerate(torch.eye(3, dtype=torch.float64)):
        slope = (problem(nu + h * e) - problem(nu - h * e)) / (2 * h)
        torch.testing.assert_close(J[..., k], slope, rtol=1e-4, atol=1e-4 * float(J[..., k].abs().max()))


def test_a_match_says_so_and_can_do_without(matcher, recorded):
    found = matcher(*recorded)
    assert any("noise floor 2" in note and "under the peak" in note for note in found.notes)
    for name, true in THETA.items():
        assert found.parameters[name] == pytest.approx(true, rel=0.02)
    without = invsound.Matcher("amfm", "mss", None, {"match": {"floor": False}}, quiet=True)
    matching = Matching(without, load_samples(*recorded, without.synth.signal))
    assert matching.target.problem is without.problem
