"""Every synth with every feature, loss and optimizer, through the command line, at toy size: the loss falls.

The suite has every synth with every feature and loss, and every optimizer with every loss; `nox -s slow` has the rest.
"""

import itertools
import json
from pathlib import Path

import pytest

SYNTH = {"amfm": ["synth.num_samples=2048"], "ftm": ["synth.num_samples=2048", "synth.num_modes=3"]}
FEATURE = {"jtfs": ["feature.J=6", "feature.Q=[4,1]", "feature.J_fr=2"], "mss": ["feature.n_fft=[256,64]"]}
LOSS = {
    "ploss": [],
    "pnp": ["loss.damping=constant", "loss.initial=1.0"],
    "ddsp": ["data.train=8", "train.clip=1.0", "encoder.dropout=0.0"],
}
# the perceptual loss is rough in ω and f0: only short steps go down
SHORT = {
    "adam": ["optimizer.lr=1e-4"],
    "adamw": ["optimizer.lr=1e-4"],
    "sgd": ["optimizer.lr=3e-3"],
    "sophia": ["optimizer.lr=1e-4"],
    "sign_momentum": ["optimizer.lr=1e-4"],
}
OPTIMIZER = {"adam": [], "adamw": [], "sgd": ["train.clip=1.0"], "sophia": [], "sign_momentum": []}
TOY = [
    "data.train=16",
    "data.val=8",
    "data.test=2",
    "train.epochs=8",
    "train.batch=8",
    "evaluate.scores=[mss]",
    "evaluate.sounds=1",
    "--jobs",
    "1",
]


def combinations():
    for synth, feature, loss, optimizer in itertools.product(SYNTH, FEATURE, LOSS, OPTIMIZER):
        new = optimizer == "adam" or (synth, feature) == ("amfm", "mss")
        yield pytest.param(synth, feature, loss, optimizer, marks=[] if new else pytest.mark.slow)


@pytest.mark.parametrize(("synth", "feature", "loss", "optimizer"), list(combinations()))
def test_every_combination_runs_and_its_loss_falls(synth, feature, loss, optimizer, invsound):
    steps = SHORT[optimizer] if loss == "ddsp" else []
    parts = ["--synth", synth, "--feature", feature, "--loss", loss, "--optimizer", optimizer]
    result = invsound(
        "run",
        *parts,
        *SYNTH[synth],
        *FEATURE[feature],
        *TOY,
        *OPTIMIZER[optimizer],
        *LOSS[loss],
        *steps,
        "--out",
        "run",
    )
    assert result.exit_code == 0, result.stderr
    losses = [json.loads(line)["train_loss"] for line in Path("run/metrics.jsonl").read_text().splitlines()[1:]]
    assert len(losses) == 8
    assert min(losses[1:]) < losses[0]
    if loss != "ddsp":  # which falls, but need not stay down
        assert sum(losses[-2:]) < sum(losses[:2])
