"""What can be built, opened or named is, before any sound is prepared and before a folder is made."""

from pathlib import Path

import pytest

from invsound import UsageError, pipeline
from invsound.data import shards
from invsound.experiments.sweep import sweep
from invsound.matching.setup import Setup
from invsound.system.files import check_folder

TOY = ["data.train=4", "data.val=2", "data.test=2", "train.epochs=1", "evaluate.scores=[mss]", "evaluate.sounds=0", "encoder.hop=64"]


@pytest.fixture
def idle(monkeypatch):
    """Nothing is prepared."""
    monkeypatch.setattr(shards, "compute_shard", lambda task: pytest.fail("work before checks"))
    monkeypatch.setattr(Setup, "dictionary", property(lambda self: pytest.fail("work before checks")))
    Path("file").write_text("")
    Path("full").mkdir()
    Path("full/kept.txt").write_text("")


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    "wrong",
    [
        ["optimizer.lr=-1"], ["--optimizer", "sgd", "optimizer.nesterov=true", "optimizer.momentum=0"], ["evaluate.scores=[mms]"],
        ["encoder.fmin=5000"], ["data.design=csv", "data.csv=nowhere.csv"], ["data.design=csv"], ["train.start=nowhere"],
        ["--target", "nowhere.wav"], ["--out", "file/run"], ["--out", "file"], ["--out", "full"], ["--out", "x" * 300],
        ["--device", "abacus"], ["train.pretrain.loss=pmp"],
    ],
    ids=lambda wrong: " ".join(wrong)[:40],
)  # fmt: skip
def test_a_run(wrong, tiny, invsound):
    before = sorted(Path().rglob("*"))
    result = invsound("run", "--synth", tiny, "--feature", "mss", "feature.n_fft=[64]", *TOY, "--jobs", 1, *wrong)
    assert (result.exit_code, "\ninvsound: " in f"\n{result.stderr}") == (2, True), result.stderr
    assert sorted(Path().rglob("*")) == before


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("out", ["file/x", "file", "x" * 300])
def test_an_output_folder(out, tiny, invsound):
    Path("runs.yaml").write_text(f"base: {{parts: {{synth: {tiny}, feature: mss}}}}")
    parts = ("--synth", tiny, "--feature", "mss")
    for command in (
        ("match", "file", *parts), ("match", "file", "file", *parts), ("sweep", "runs.yaml", *TOY), ("compare", "full"),
        ("doctor", "radius", *parts), ("render", *parts[:2]),
    ):  # fmt: skip
        result = invsound(*command, "--out", f"{out}/x.wav" if command[0] == "render" else out)
        assert (result.exit_code, "folder '" in result.stderr) == (2, True), (command, result.stderr)


@pytest.mark.usefixtures("idle")
def test_a_sweep_is_checked_to_its_last_configuration(tiny):
    grid = {"optimizer.nesterov": [False, True]}
    base = {"parts": {"synth": tiny, "feature": "mss", "optimizer": "sgd"}, "optimizer": {"momentum": 0.0}}
    with pytest.raises(UsageError, match=r"nesterov=true: .*optimizer"):
        sweep({"base": base, "grid": grid}, overrides=TOY, out="sweep")
    assert not Path("sweep").exists()


@pytest.mark.usefixtures("idle")
def test_a_match_opens_its_encoder_first(tiny):
    with pytest.raises(UsageError, match="no run folder"):
        Setup(tiny, "mss", of={"match": {"encoder": "nowhere"}})


@pytest.mark.usefixtures("idle")
def test_a_folder_is_checked_without_being_made():
    check_folder("new/deep/folder")
    assert not Path("new").exists()
    for wrong in ("file", "file/x", "a\0b", "y" * 300):
        with pytest.raises(UsageError, match="folder"):
            check_folder(wrong)
    Path("nowhere").symlink_to("gone")
    with pytest.raises(UsageError, match="is no folder"):
        check_folder("nowhere/x")


def test_evaluate_opens_its_recordings_first(tiny, monkeypatch):
    pipeline.run(tiny, "mss", overrides=[*TOY, "feature.n_fft=[64]"], out="run")
    monkeypatch.setattr(shards, "compute_shard", lambda task: pytest.fail("work before checks"))
    monkeypatch.setenv("INVSOUND_CACHE", str(Path("other").resolve()))
    with pytest.raises(UsageError, match="There is no such file"):
        pipeline.evaluate("run", targets=["nowhere.wav"])
