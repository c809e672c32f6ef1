"""A run, through the command line: what it leaves, that it repeats itself, and what it says of mistakes."""

import csv
import json
from pathlib import Path

import pytest
import soundfile
import torch

import invsound as invsound_module
from invsound import InvsoundError, pipeline
from invsound.hooks import registry

FILES = [
    "config.yaml",
    "environment.json",
    "metrics.jsonl",
    "scores.json",
    "seconds.json",
    "predictions.csv",
    "encoder.safetensors",
    "report.html",
]


def test_a_run_leaves_everything(tiny, invsound, tmp_path, toy):
    sound = tmp_path / "my sound <script>.wav"
    soundfile.write(sound, (torch.arange(3000) * 0.3).sin().numpy() * 0.1, 16000)
    result = invsound(*toy(tiny, "--out", "first", "--target", sound, "--json"))
    assert result.exit_code == 0, result.stderr
    folder = Path("first")
    assert all((folder / name).stat().st_size for name in FILES)
    scores = json.loads((folder / "scores.json").read_text())
    printed = json.loads(result.stdout)
    assert printed["scores"] == scores["scores"]
    for estimate in ("trained", "untrained", "training_mean"):
        assert scores["scores"]["mss"][estimate]["macro"] > 0
        assert scores["parameters"]["f"][estimate] >= 0
    assert scores["parameters"]["f"]["unit"] == "Hz"
    (target,) = scores["targets"]
    assert 100 <= target["parameters"]["f"] <= 1000
    assert any("resampled" in note for note in target["notes"])
    assert "resampled" in result.stderr
    for name in ("test-00", target["name"]):
        for kind in ("target", "reconstruction"):
            x, rate = soundfile.read(folder / "audio" / f"{name}-{kind}.wav")
            assert (len(x), rate) == (512, 8000)
            assert abs(x).max() > 0
    rows = list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))
    assert len(rows) == 4
    assert set(rows[0]) == {"index", "true_f", "predicted_f", "true_tau", "predicted_tau"}
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [m["epoch"] for m in metrics] == [0, 1, 2, 3]
    assert "damping" in metrics[-1]["monitor"]
    assert "<script>.wav" not in (folder / "report.html").read_text()


def test_the_same_command_twice_and_its_config_give_identical_scores(tiny, invsound, monkeypatch, toy):
    for name, cache in (("first", "cache-1"), ("second", "cache-2")):
        monkeypatch.setenv("INVSOUND_CACHE", str(Path.cwd() / cache))
        assert invsound(*toy(tiny, "--out", name, "--seed", 3)).exit_code == 0
    assert invsound("run", "--config", "first/config.yaml", "--out", "third", "--jobs", 1).exit_code == 0
    first = Path("first/scores.json").read_bytes()
    assert Path("second/scores.json").read_bytes() == first
    assert Path("third/scores.json").read_bytes() == first
    assert len({Path(name, "encoder.safetensors").read_bytes() for name in ("first", "second", "third")}) == 1
    assert Path("third/config.yaml").read_bytes() == Path("first/config.yaml").read_bytes()
    assert invsound(*toy(tiny, "--out", "other", "--seed", 4)).exit_code == 0
    assert Path("other/scores.json").read_bytes() != first


def test_a_run_needs_a_new_folder_and_resume_takes_nothing_else(tiny, invsound, toy):
    Path("full").mkdir()
    Path("full/thesis.tex").write_text("")
    assert "is no run folder" in invsound(*toy(tiny, "--out", "full")).stderr
    assert invsound(*toy(tiny, "train.epochs=0", "--out", "first")).exit_code == 0
    again = invsound(*toy(tiny, "--out", "first"))
    assert again.exit_code == 2
    assert "--resume first" in again.stderr
    assert "takes no parts" in invsound("run", "--resume", "first", "--synth", tiny).stderr
    assert invsound("run", "--resume", "nowhere").exit_code == 2


def test_a_nan_names_its_origin(tiny, invsound, monkeypatch, toy):
    cls = registry.load(registry.find("synth", tiny))
    forward = cls.forward
    monkeypatch.setattr(cls, "forward", lambda self, theta: forward(self, theta) / torch.zeros(()))
    result = invsound(*toy(tiny, "--out", "run"))
    assert result.exit_code == 1
    assert "The synth tiny (tiny-synth 1.0) gave a NaN or an infinity at f=" in result.stderr


def test_a_loss_that_diverges_names_epoch_and_remedy(tiny, invsound, toy):
    result = invsound(*toy(tiny, "optimizer.lr=1e30", "--optimizer", "sgd", "--out", "run", loss="ddsp"))
    assert result.exit_code == 1
    assert "optimizer.lr" in result.stderr or "NaN" in result.stderr


def test_python_gives_what_the_command_line_gives(tiny, toy):
    overrides = [argument for argument in toy(tiny) if "=" in argument]
    result = invsound_module.run(synth=tiny, feature="mss", loss="ploss", overrides=overrides, out="python")
    assert json.loads(Path("python/scores.json").read_text())["scores"] == result["scores"]
    with pytest.raises(InvsoundError, match="no run folder"):
        pipeline.resume("nowhere")
