"""Yardsticks: how near another recording is, beside how near the match is."""

import numpy as np
import pytest
import torch

import invsound
from invsound.audio import written
from invsound.matching import verdict
from invsound.matching.matching import Matching
from invsound.parameter import Parameter

RATE = 8192


@pytest.fixture
def sounds(tmp_path):
    """A folder of three chirps and a silence; the first is the recording that is matched."""
    t = np.arange(8192) / RATE - 0.5
    for name, f in {"this": 600.0, "near": 620.0, "far": 3000.0}.items():
        chirp = np.sin(2 * np.pi * (f * t + 200 * t**2)) * np.exp(-20 * t**2)
        written.save(tmp_path / f"{name}.wav", chirp / np.abs(chirp).max(), RATE)
    written.save(tmp_path / "silence.wav", np.zeros(8192), RATE)
    return tmp_path


def how(**given):
    return {
        "synth": {"num_samples": 8192},
        "feature": {"n_fft": [512, 128]},
        "match": {"candidates": 4, "evaluations": 12, "budget": None, **given},
    }


def test_the_nearest_other_recording_is_told(sounds):
    found = invsound.Matcher("amfm", "mss", None, how(yardstick=str(sounds)), quiet=True)(sounds / "this.wav")
    assert found.yardstick["name"] == "near.wav"
    assert found.yardstick["distance"] > 0
    assert found.as_dict()["yardstick"] == found.yardstick
    assert "nearest other recording, near.wav" in found.advice
    assert ("no nearer than" in found.advice) == (found.distance >= found.yardstick["distance"])


def test_without_a_folder_there_is_none(sounds):
    assert invsound.Matcher("amfm", "mss", None, how(), quiet=True)(sounds / "this.wav").yardstick is None


def test_a_folder_without_sounds_is_said_at_once(tmp_path):
    with pytest.raises(invsound.UsageError, match="folder of recordings"):
        invsound.Matcher("amfm", "mss", None, how(yardstick=str(tmp_path)), quiet=True)


def test_an_end_of_a_range_is_named():
    p = Parameter("tau", "s", 0.01, 0.8)
    assert [verdict.bound(p, high) for high in (False, True)] == ["tau (at its least, 0.01 s)", "tau (at its most, 0.8 s)"]


def test_what_the_search_leaves_of_own_sounds_is_told_once_for_all(sounds, monkeypatch):
    given = {"synth": {"num_samples": 2048}, "feature": {"n_fft": [512, 128]}}
    matcher = invsound.Matcher(
        "amfm", "mss", None, given | {"match": {"candidates": 32, "evaluations": 300, "own": 2, "fix": {"fm": 8}}}, quiet=True
    )
    begun = []
    find = Matching.find
    monkeypatch.setattr(Matching, "find", lambda self: begun.append(self) or find(self))
    for name in ("this", "far"):
        found = matcher(sounds / f"{name}.wav")
        assert found.own == matcher.own < 0.2
        assert f"leaves {found.own:.1%}" in found.advice
        assert found.as_dict()["own"] == found.own
    assert [one.recording.path.name for one in begun] == ["own", "own", "this.wav", "far.wav"]
    assert not torch.equal(begun[0].recording.x, begun[1].recording.x)
