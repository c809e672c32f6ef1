"""`train.start`: a training that goes on from the encoder of another run."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from invsound import compare
from invsound.training.trainer import Trainer

TOY = ["data.train=16", "data.val=8", "data.test=4", "train.epochs=3", "train.batch=8", "evaluate.sounds=0", "evaluate.scores=[mss]"]


@pytest.fixture
def run(tiny, invsound):
    def call(out, *more):
        return invsound("run", "--synth", tiny, "--feature", "mss", "--jobs", 1, "--out", out, "feature.n_fft=[256,64]", *TOY, *more)

    assert call("first").exit_code == 0
    return call


def scores(folder):
    return json.loads(Path(folder, "scores.json").read_text())["scores"]["mss"]["trained"]


def metrics(folder):
    return [json.loads(line) for line in Path(folder, "metrics.jsonl").read_text().splitlines()]


def test_it_begins_with_what_the_other_run_kept(run):
    assert run("again", "train.start=first", "train.epochs=0", "seed=5", "data.seed=0").exit_code == 0
    assert scores("again") == scores("first")
    assert run("further", "train.start=first").exit_code == 0
    assert metrics("further")[0]["val_loss"] == min(epoch["val_loss"] for epoch in metrics("first"))
    assert metrics("further")[1] != metrics("first")[1]


def test_interrupted_it_needs_the_other_run_no_more(run, invsound, monkeypatch):
    assert run("whole", "train.start=first").exit_code == 0
    original = Trainer.train_epoch
    for last in (0, 1):

        def interrupted(self, fold, last=last):
            if self.epoch > last:
                raise KeyboardInterrupt
            return original(self, fold)

        monkeypatch.setattr(Trainer, "train_epoch", interrupted)
        assert run(f"cut-{last}", "train.start=first").exit_code == 130
    monkeypatch.setattr(Trainer, "train_epoch", original)
    shutil.rmtree("first")
    for last in (0, 1):
        resumed = invsound("run", "--resume", f"cut-{last}", "--jobs", 1)
        assert resumed.exit_code == 0, resumed.stderr
        assert Path(f"cut-{last}/scores.json").read_bytes() == Path("whole/scores.json").read_bytes()


def test_a_damaged_copy_is_made_again(run, invsound, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_epoch", interrupted)
        assert run("cut", "train.start=first").exit_code == 130
    copy = Path("cut/start/encoder.safetensors")
    copy.write_bytes(copy.read_bytes()[:-20])
    assert invsound("run", "--resume", "cut", "--jobs", 1).exit_code == 0
    assert copy.read_bytes() == Path("first/encoder.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["train.start=nowhere"], "nowhere' holds no trained encoder. Give the folder of a run that has finished"),
        (["train.start=first", "synth.num_samples=1024"], "synth.num_samples is 512, here it is 1024"),
        (["train.start=first", "space.scale=linear"], "space.scale is 'declared', here it is 'linear'"),
        (["train.start=first", "parts.encoder=efficientnet-b0"], "parts.encoder is 'cnn', here it is 'efficientnet-b0'"),
        (["train.start=first", "parts.synth=amfm"], "parts.synth is 'tiny', here it is 'amfm'"),
    ],
)
def test_an_encoder_that_does_not_fit_is_said_before_any_work(run, options, said):
    result = run("second", *options)
    assert result.exit_code == 2
    assert "train.start: " in result.stderr
    assert said in result.stderr
    assert not Path("second").exists()


def test_a_configuration_of_a_sweep_starts_from_another_of_the_same_seed(run, tiny, invsound):
    base = {"parts": {"synth": tiny, "feature": "mss"}, "feature": {"n_fft": [256, 64]}, "data": {"train": 8, "val": 4, "test": 4}}
    base |= {"train": {"epochs": 1, "keep": "last"}, "evaluate": {"scores": ["mss"], "sounds": 0}}
    rows = {"first": {}, "second": {"parts.loss": "pnp", "train.start": "runs/study/first/seed-{seed}"}}
    Path("study.yaml").write_text(yaml.safe_dump({"base": base, "configurations": rows, "seeds": [0, 1]}))
    for _ in range(2):  # the second time nothing is left to do
        result = invsound("sweep", "study.yaml", "--jobs", 1)
        assert result.exit_code == 0, result.stderr
    assert [(row.name, row.seeds) for row in compare("runs/study").configurations] == [("first", [0, 1]), ("second", [0, 1])]
    for seed in (0, 1):
        started = Path(f"runs/study/second/seed-{seed}/start/encoder.safetensors").read_bytes()
        assert started == Path(f"runs/study/first/seed-{seed}/encoder.safetensors").read_bytes()
