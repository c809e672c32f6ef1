"""Recordings that the trained encoder is asked for stand beside the training mean and random sounds."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from invsound.data import designs
from invsound.evaluation.targets import verdict
from invsound.runs import config
from invsound.runs.parts import Parts


@pytest.fixture
def recorded(tiny, toy, invsound):
    """A run, and a recording that is its own sound in the middle of the range."""
    t = np.arange(512) / 8000
    soundfile.write("own.wav", np.exp(-t / 0.055) * np.sin(2 * np.pi * 316.2278 * t), 8000, subtype="FLOAT")
    result = invsound(*toy(tiny, "--out", "run", "--target", "own.wav"))
    assert result.exit_code == 0, result.stderr
    return result, json.loads(Path("run/scores.json").read_text())["targets"][0]


def test_the_numbers_beside_are_those_of_the_training_mean_and_of_test_sounds(recorded):
    _, target = recorded
    parts = Parts(config.load(Path("run/config.yaml")))
    nu = designs.drawn(parts.synth, parts.config.data, parts.config.seed)
    x = torch.from_numpy(soundfile.read("run/audio/own-target.wav", dtype="float32")[0])[None]
    (score,) = parts.scores
    with torch.no_grad():
        mean = parts.scores[score](parts.render(nu["train"].mean(0)[None]), x)
        random = parts.scores[score](parts.render(nu["test"]), x.expand(len(nu["test"]), -1))
    assert target["training_mean"][score] == pytest.approx(float(mean[0]), rel=1e-4)
    assert target["random"][score] == pytest.approx(float(random.median()), rel=1e-4)


def test_they_are_told_where_people_look(recorded):
    result, target = recorded
    assert target["said"] in result.stdout
    assert f"(training mean {target['training_mean']['mss']:.4g}, random sound {target['random']['mss']:.4g})" in result.stdout
    page = Path("run/report.html").read_text()
    assert target["said"].split(":")[0] in page
    assert "training mean" in page
    assert "the key B" in page


def test_an_answer_is_found_near_or_missed_and_may_be_worse_than_none():
    def said(value, mean=2.0, random=10.0):
        return verdict({"mss": value, "jtfs": 0.0}, {"mss": mean}, {"mss": random})

    assert said(0.05) == "Found: by mss, 0% as far as a random sound."
    assert said(1.0) == "Near: by mss, 10% as far as a random sound."
    assert said(5.0) == "Missed: by mss, 50% as far as a random sound; the training mean, which hears nothing, is nearer."
    assert said(5.0, mean=6.0) == "Missed: by mss, 50% as far as a random sound."
    assert said(0.0, random=0.0).startswith("Missed")


def test_a_run_without_them_is_read_as_before(recorded, invsound):
    scores = json.loads(Path("run/scores.json").read_text())
    for key in ("training_mean", "random", "said"):
        del scores["targets"][0][key]
    Path("run/scores.json").write_text(json.dumps(scores))
    from invsound.pages.report import write_report

    assert "Distance from the target" in write_report("run").read_text()
    assert "is finished" in invsound("run", "--resume", "run", "--jobs", 1).stderr
