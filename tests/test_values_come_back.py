"""What invsound prints, it takes; what it writes of a value is within its range, and says so where the value is at an end."""

import json
from pathlib import Path

import pytest
import torch

import invsound
from invsound import Parameter, Space, UsageError, pipeline
from invsound.audio import written

RANGES = [
    Parameter("p", "", 1e-5, 0.2, "log"),
    Parameter("tau", "s", 0.07, 0.8),
    Parameter("d", "dB", -60, 0),
    Parameter("f", "Hz", 251.327412, 6283.2),
]


@pytest.mark.parametrize("p", RANGES, ids=lambda p: p.name)
def test_a_bound_to_rounding_is_the_bound(p):
    for end, out in ((p.low, -1), (p.high, 1)):
        for told in (float(f"{end:.6g}"), end + out * 1e-16, end + out * abs(end) * 3e-7, float(torch.tensor(end, dtype=torch.float32))):
            assert Space(p).values({p.name: told})[0] == pytest.approx(end, rel=1e-5)
            assert p.low <= float(Space(p).values({p.name: told})[0]) <= p.high
        with pytest.raises(UsageError, match=r"out of bounds\. Choose between"):
            p.number(end + out * 1e-3 * (p.high - p.low))
    for never in (float("nan"), float("inf"), -float("inf"), 10**400):
        with pytest.raises(UsageError, match="out of bounds"):
            p.number(never)


@pytest.mark.parametrize("p", RANGES, ids=lambda p: p.name)
def test_results_are_within_the_declared_bounds_to_the_last_bit(p):
    low, high = Space(p).clipped(torch.tensor([[-1.0], [1.0]]))[:, 0].tolist()
    assert p.low <= low == pytest.approx(p.low)
    assert p.high >= high == pytest.approx(p.high)
    assert Space(p).clipped(torch.tensor([[1 + 2**-23]])).item() <= p.high


def test_a_value_at_the_end_of_its_range_is_said_and_comes_back(tiny, invsound):
    t = torch.arange(512) / 8000
    written.save(Path("x.wav"), torch.exp(-t / 0.008) * torch.sin(2 * torch.pi * 400 * t), 8000)  # shorter than tau may be
    match = (
        "match",
        "x.wav",
        "--synth",
        tiny,
        "--feature",
        "mss",
        "feature.n_fft=[64]",
        "--candidates",
        32,
        "--jobs",
        1,
        "match.evaluations=300",
    )
    result = invsound(*match, "--out", "found")
    assert "tau = 0.01 s  (at the end of its range)" in result.stdout
    assert "At the end of its range, so that the best may lie beyond: tau (at its least, 0.01 s)." in result.stdout
    found = json.loads(Path("found/match.json").read_text())
    assert found["at_bound"] == {"f": False, "tau": True}
    assert (found["parameters"]["tau"], found["determined"]["tau"], found["standard_errors"]["tau"]) == (0.01, False, None)
    assert "at the end of its range" in Path("found/match.html").read_text()
    values = [f"{name}={value!r}" for name, value in found["parameters"].items()]
    assert invsound("render", "--synth", tiny, *values, "--out", "again.wav").exit_code == 0
    assert invsound(*match, "--fix", values[1], "--out", "held").exit_code == 0


def test_no_standard_error_contradicts_its_verdict(tiny):
    noise = torch.rand(512, generator=torch.Generator().manual_seed(0)) * 2 - 1
    of = {"feature": {"n_fft": [64]}, "match": {"candidates": 16, "starts": 1, "evaluations": 60}}
    found = invsound.Matcher(tiny, "mss", of=of)(noise, 8000)
    assert found.distance > 0.5 * found.random_distance
    assert set(found.determined.values()) == {False}
    assert set(found.standard_errors.values()) == {None}


@pytest.mark.parametrize("options", [["space.scale=linear"], ["space.scale=linear", "space.normalize=none"], []])
def test_space_json_says_what_nu_is(options, tiny):
    toy = ["data.train=4", "data.val=2", "data.test=2", "train.epochs=0", "evaluate.scores=[mss]", "evaluate.sounds=0", "encoder.hop=64"]
    pipeline.run(tiny, "mss", overrides=[*toy, *options], out="run")
    f, tau = json.loads(Path("run/space.json").read_text())
    assert (f["scale"], tau["scale"], f["low"], f["high"]) == ("log", "linear", 100, 1000)
    expected = {2: ("linear", 100.0, 1000.0), 1: ("linear", -1.0, 1.0), 0: ("log", -1.0, 1.0)}[len(options)]
    assert (f["nu"]["scale"], f["nu"]["low"], f["nu"]["high"]) == expected
