"""Recordings of drums end before the drum does: until there everything determines how long it would have sounded."""

import numpy as np
import pytest
import torch

import invsound

DRUM = {"omega": 1500.0, "tau": 0.6, "p": 0.01, "D": 0.02, "alpha": 0.6}
FADES = {
    "cut": lambda n: np.ones(n),
    "linear fade": lambda n: 1 - np.arange(n) / n,
    "cosine fade": lambda n: 0.5 + 0.5 * np.cos(np.pi * np.arange(n) / n),
}


@pytest.fixture(scope="module")
def matcher():
    how = {"budget": None, "evaluations": 120, "candidates": 16, "starts": 1}
    return invsound.Matcher("ftm", "mss", None, {"feature": {"n_fft": [1024, 256]}, "match": how}, quiet=True)


@pytest.mark.parametrize("seconds", [0.45, 0.3])
@pytest.mark.parametrize("how", FADES)
def test_a_drum_that_is_ended_is_the_drum(matcher, how, seconds):
    synth = matcher.synth
    rate = synth.signal.sample_rate
    n, fade = round(seconds * rate), round(0.06 * rate)
    x = synth(torch.tensor([list(DRUM.values())]))[0, :n].numpy().copy()
    x[-fade:] *= FADES[how](fade)
    found = matcher(x, rate)
    assert found.distance < 1e-3 * found.random_distance
    for name, true in DRUM.items():
        assert found.parameters[name] == pytest.approx(true, rel=5e-3)
        assert abs(found.parameters[name] - true) < 3 * found.standard_errors[name]
    assert all(found.determined.values())
    assert any("compared until" in note for note in found.notes)
