"""An optimizer that samples the curvature is interrupted and goes on like any other."""

import json
from pathlib import Path

import pytest

import invsound
from invsound.training.step import Step
from invsound.training.trainer import Trainer


@pytest.mark.parametrize("loss", ["ploss", "pnp", "ddsp"])
def test_a_run_samples_and_resumes_to_the_same_bits(loss, monkeypatch):
    samples, sample = [], Step.sample
    monkeypatch.setattr(Step, "sample", lambda self: samples.append(1) or sample(self))
    overrides = ["synth.num_samples=2048", "feature.n_fft=[256,64]", "data.train=16", "data.val=8", "data.test=4", "train.epochs=3"]
    overrides += ["train.batch=4", "evaluate.scores=[mss]", "evaluate.sounds=0", "optimizer.every=2", "optimizer.lr=1e-3"]
    run = {"synth": "amfm", "feature": "mss", "loss": loss, "optimizer": "sophia", "overrides": overrides}
    invsound.run(**run, out="whole")
    assert len(samples) == 6
    original = Trainer.train_epoch

    def interrupted(self, fold):
        if self.epoch > 1:
            raise KeyboardInterrupt
        return original(self, fold)

    monkeypatch.setattr(Trainer, "train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        invsound.run(**run, out="cut")
    monkeypatch.setattr(Trainer, "train_epoch", original)
    invsound.resume("cut")
    assert Path("cut/scores.json").read_bytes() == Path("whole/scores.json").read_bytes()
    losses = [json.loads(line)["val_loss"] for line in Path("whole/metrics.jsonl").read_text().splitlines()]
    assert min(losses[1:]) < losses[0]
