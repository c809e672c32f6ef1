"""Ctrl-C in the midst of a search: what was found until then is written, and said."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import invsound as invsound_module
from invsound.matching.match import Interrupted
from invsound.matching.search import Search

HOW = ["--synth", "tiny", "--feature", "mss", "feature.n_fft=[256]", "--candidates", 4, "--jobs", 1]


@pytest.fixture
def sound(tiny):
    t = np.arange(512) / 8000
    soundfile.write("x.wav", np.exp(-t / 0.03) * np.sin(2 * np.pi * 440 * t), 8000, subtype="FLOAT")
    return "x.wav"


@pytest.fixture
def pressed(monkeypatch):
    """Ctrl-C at the n-th sound that the search computes."""

    def at(n):
        call, count = Search.__call__, []

        def interrupted(self, nu):
            count.append(len(nu))
            if len(count) == n:
                raise KeyboardInterrupt
            return call(self, nu)

        monkeypatch.setattr(Search, "__call__", interrupted)

    return at


def test_what_was_found_is_written_and_the_exit_code_is_that_of_ctrl_c(sound, pressed, invsound):
    pressed(10)
    result = invsound("match", sound, *HOW, "--out", "found")
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == "invsound: Interrupted. What was found until then is in found."
    found = json.loads(Path("found/match.json").read_text())
    assert found["advice"].startswith("Interrupted: the nearest sound until then is ")
    assert (set(found["determined"].values()), set(found["standard_errors"].values())) == ({False}, {None})
    assert found["distance"] <= found["random_distance"]
    assert not found["converged"]
    assert Path("found/match.html").exists()
    assert "f = " in result.stdout


def test_before_anything_was_found_there_is_nothing(sound, monkeypatch, invsound):
    monkeypatch.setattr(invsound_module.Matcher, "recording", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    result = invsound("match", sound, *HOW, "--out", "found")
    assert result.exit_code == 130
    assert "Candidates that were prepared" in result.stderr
    assert not Path("found").exists()


def test_in_python_it_is_a_keyboard_interrupt_with_what_was_found(sound, pressed):
    pressed(10)
    with pytest.raises(KeyboardInterrupt) as caught:
        invsound_module.match(sound, synth="tiny", feature="mss", overrides=["feature.n_fft=[256]"], candidates=4)
    assert isinstance(caught.value, Interrupted)
    assert set(caught.value.found.parameters) == {"f", "tau"}
