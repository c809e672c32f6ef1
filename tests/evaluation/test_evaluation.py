"""Evaluation: what is heard once is as far apart as the scores say, and a finished run is scored anew."""

import json
from pathlib import Path

import pytest
import soundfile
import torch

import invsound as invsound_module
from invsound.data import designs, shards
from invsound.evaluation import evaluation
from invsound.hooks import registry
from invsound.runs import config
from invsound.runs.parts import Parts


@pytest.mark.parametrize("name", ["jtfs", "mss"])
def test_sounds_heard_once_are_as_far_apart_as_the_score_says(name, monkeypatch):
    score = registry.build("score", name, signal=invsound_module.Signal(sample_rate=8000, num_samples=2048))
    x, x_hat = torch.randn(2, 6, 2048, generator=torch.Generator().manual_seed(0))
    which = torch.tensor([0, 1, 1, 0, 4, 1])
    target = evaluation.Target({name: score}, x)
    torch.testing.assert_close(target.distances(x_hat, which)[name], score(x_hat[which], x).detach())
    heard = []
    if score.feature is not None:
        monkeypatch.setattr(type(score.feature), "forward", lambda self, x: heard.append(len(x)) or x)
        target = evaluation.Target({name: score}, x)
        _ = target.distances(x_hat[:2], which.clamp_max(1)), target.distances(x_hat[:3], which.clamp_max(2))
        assert heard == [6, 2, 3]


def test_targets_are_heard_when_prepared_and_never_again(tiny, invsound, monkeypatch, toy):
    assert invsound(*toy(tiny, "evaluate.scores=[jtfs]", "data.test=10", "--out", "first")).exit_code == 0
    before = (Path("first/scores.json").read_bytes(), Path("first/distances.csv").read_bytes())
    parts = Parts(config.load(Path("first/config.yaml")))
    known, made = [], evaluation.Target

    def target(scores, x, window, heard):
        known.append(heard["jtfs"])
        return made(scores, x, window, heard)

    monkeypatch.setattr(evaluation, "Target", target)
    monkeypatch.setattr(shards, "compute_shard", lambda task: pytest.fail("everything was prepared already"))
    assert invsound("evaluate", "first", "--jobs", 1).exit_code == 0
    assert (Path("first/scores.json").read_bytes(), Path("first/distances.csv").read_bytes()) == before
    assert [len(heard) for heard in known] == [8, 2]
    torch.testing.assert_close(
        torch.cat(known),
        parts.scores["jtfs"].feature(parts.render(designs.drawn(parts.synth, parts.config.data, parts.config.seed)["test"])).detach(),
    )


def test_evaluate_needs_no_training_sound(tiny, invsound, monkeypatch, toy):
    assert invsound(*toy(tiny, "--out", "first")).exit_code == 0
    before, original, prepared = Path("first/scores.json").read_bytes(), shards.compute_shard, []
    monkeypatch.setenv("INVSOUND_CACHE", str(Path.cwd() / "empty"))
    monkeypatch.setattr(shards, "compute_shard", lambda task: (prepared.append((task.column, task.count)), original(task))[1])
    assert invsound("evaluate", "first", "--jobs", 1).exit_code == 0
    assert prepared == [("inputs", 4)]
    assert Path("first/scores.json").read_bytes() == before


def test_evaluate_scores_a_finished_run_anew(tiny, invsound, tmp_path, toy):
    assert invsound(*toy(tiny, "--out", "first")).exit_code == 0
    before = Path("first/scores.json").read_bytes()
    assert invsound("evaluate", "first", "--jobs", 1).exit_code == 0
    assert Path("first/scores.json").read_bytes() == before
    soundfile.write("hum.flac", (torch.arange(3000) * 0.3).sin().numpy() * 0.1, 8000)
    assert json.loads(invsound("evaluate", "first", "hum.flac", "--json", "--jobs", 1).stdout)["targets"][0]["name"] == "hum"
    missing = invsound("evaluate", "nowhere")
    assert missing.exit_code == 2
    assert "no run folder" in missing.stderr
    Path("first/encoder.safetensors").write_bytes(b"")
    damaged = invsound("evaluate", "first")
    assert damaged.exit_code == 1
    assert "is damaged" in damaged.stderr
