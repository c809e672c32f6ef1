"""The published losses on a CPU and on a GPU: the same files and commands, cut to a few short sounds."""

import json
from pathlib import Path

import pytest
import torch

from invsound.experiments import sweep as sweeps
from invsound.training.trainer import Trainer

ROOT = Path(__file__).parent.parent
GPU = pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")])
CUT = ["synth.num_samples=16384", "data.train=4", "data.val=2", "data.test=2", "train.epochs=2", "evaluate.sounds=1"]


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.slow
@pytest.mark.parametrize("synth", ["amfm", "ftm"])
def test_every_published_loss_trains_and_goes_on_after_an_interruption(synth, device, invsound, monkeypatch):
    file = ROOT / "examples" / "paper" / f"{synth}-losses.yaml"
    runs = sweeps.plan(file, "runs", seeds=[0])
    original = Trainer.checkpoint

    def interrupted(self):
        original(self)
        if self.epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "checkpoint", interrupted)
    command = ["sweep", file, "--seed", 0, "--out", "runs", "--device", device, "--jobs", 1, *CUT]
    for number in range(len(runs)):  # each call ends the run that was begun, and is interrupted in the next
        cut = invsound(*command)
        assert cut.exit_code == 130, cut.stderr
        assert ("Resuming after epoch 1 of 2" in cut.stderr) == (number > 0)
    last = invsound(*command)
    assert last.exit_code == 0, last.stderr
    for run in runs:
        epochs = [json.loads(line)["epoch"] for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
        scores = json.loads((run.folder / "scores.json").read_text())["scores"]
        assert epochs == [0, 1, 2]
        assert set(scores) >= {"jtfs", "mss"}
        assert (run.folder / "report.html").exists()
