"""A run, through the command line: what it leaves, that it repeats itself, and that nothing is lost when it is cut off."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
import torch

import invsound as invsound_module
from invsound import InvsoundError, pipeline
from invsound.data import columns, designs
from invsound.evaluation import evaluation
from invsound.experiments import results
from invsound.hooks import registry
from invsound.runs import config
from invsound.runs.parts import Parts
from invsound.system import store

MSS = {"feature.n_fft": "[256,64]"}
TOY = [
    "data.train=16",
    "data.val=8",
    "data.test=4",
    "train.epochs=3",
    "train.batch=8",
    "evaluate.sounds=1",
    "evaluate.scores=[mss]",
    "feature.n_fft=[256,64]",
]
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


def toy(tiny, *more, feature="mss", loss="pnp"):
    return ["run", "--synth", tiny, "--feature", feature, "--loss", loss, "--jobs", "1", *TOY, *more]


def test_a_run_leaves_everything(tiny, invsound, tmp_path):
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


def test_the_same_command_twice_and_its_config_give_identical_scores(tiny, invsound, monkeypatch):
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


def test_training_interrupted_after_any_epoch_resumes_to_the_same_scores(tiny, invsound, monkeypatch):
    assert invsound(*toy(tiny, "--out", "whole")).exit_code == 0
    from invsound.training.trainer import Trainer

    original = Trainer.train_epoch
    for last in (1, 2):

        def interrupted(self, fold, last=last):
            if self.epoch > last:
                raise KeyboardInterrupt
            return original(self, fold)

        monkeypatch.setattr(Trainer, "train_epoch", interrupted)
        cut = invsound(*toy(tiny, "--out", f"cut-{last}"))
        assert cut.exit_code == 130
        assert "--resume" in cut.stderr
        monkeypatch.setattr(Trainer, "train_epoch", original)
        resumed = invsound("run", "--resume", f"cut-{last}", "--jobs", 1)
        assert resumed.exit_code == 0, resumed.stderr
        assert f"Resuming after epoch {last}" in resumed.stderr
        assert Path(f"cut-{last}/scores.json").read_bytes() == Path("whole/scores.json").read_bytes()


def test_a_truncated_shard_is_computed_again_and_a_truncated_checkpoint_is_said(tiny, invsound):
    assert invsound(*toy(tiny, "--out", "first")).exit_code == 0
    for shard in list(store.default_root().rglob("*.safetensors"))[::2]:
        shard.write_bytes(shard.read_bytes()[:-20])
    again = invsound(*toy(tiny, "--out", "again"))
    assert again.exit_code == 0
    assert "damaged and is computed again" in again.stderr
    assert Path("again/scores.json").read_bytes() == Path("first/scores.json").read_bytes()
    state = Path("first/checkpoint/state.safetensors")
    state.write_bytes(state.read_bytes()[:-20])
    resumed = invsound("run", "--resume", "first")
    assert resumed.exit_code == 1
    assert "is damaged. Delete it and resume" in resumed.stderr
    state.unlink()
    assert invsound("run", "--resume", "first").exit_code == 0
    assert Path("again/scores.json").read_bytes() == Path("first/scores.json").read_bytes()


def test_prepared_columns_are_shared_between_runs(tiny, invsound, monkeypatch):
    assert invsound(*toy(tiny, "--out", "first")).exit_code == 0
    monkeypatch.setattr(columns, "compute_shard", lambda task: pytest.fail("everything was prepared already"))
    assert invsound(*toy(tiny, "optimizer.lr=0.01", "--out", "second")).exit_code == 0


def test_a_seed_of_its_own_gives_all_seeds_of_a_sweep_the_same_sounds(tiny, invsound, monkeypatch):
    assert invsound(*toy(tiny, "data.seed=5", "--out", "first")).exit_code == 0
    monkeypatch.setattr(columns, "compute_shard", lambda task: pytest.fail("everything was prepared already"))
    assert invsound(*toy(tiny, "data.seed=5", "seed=1", "--out", "second")).exit_code == 0
    assert results.read(Path("first")).sounds == results.read(Path("second")).sounds
    wrong = invsound(*toy(tiny, "data.seed=-1"))
    assert (wrong.exit_code, "0 to 2147483647" in wrong.stderr) == (2, True)


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


def test_targets_are_heard_when_prepared_and_never_again(tiny, invsound, monkeypatch):
    assert invsound(*toy(tiny, "evaluate.scores=[jtfs]", "data.test=10", "--out", "first")).exit_code == 0
    before = (Path("first/scores.json").read_bytes(), Path("first/distances.csv").read_bytes())
    parts = Parts(config.load(Path("first/config.yaml")))
    known, made = [], evaluation.Target

    def target(scores, x, heard):
        known.append(heard["jtfs"])
        return made(scores, x, heard)

    monkeypatch.setattr(evaluation, "Target", target)
    monkeypatch.setattr(columns, "compute_shard", lambda task: pytest.fail("everything was prepared already"))
    assert invsound("evaluate", "first", "--jobs", 1).exit_code == 0
    assert (Path("first/scores.json").read_bytes(), Path("first/distances.csv").read_bytes()) == before
    assert [len(heard) for heard in known] == [8, 2]
    torch.testing.assert_close(
        torch.cat(known),
        parts.scores["jtfs"].feature(parts.render(designs.drawn(parts.synth, parts.config.data, parts.config.seed)["test"])).detach(),
    )


def test_columns_follow_the_options_that_made_them(tiny):
    nu = torch.zeros(2, 2)

    def address(column, **of):
        layers = {"parts": {"synth": tiny, "feature": "mss", "loss": "pnp"}, **of}
        return columns.address(config.resolve(layers), column, nu)

    assert address("side") != address("side", feature={"n_fft": [256, 64]})
    assert address("inputs") == address("inputs", feature={"n_fft": [256, 64]})
    assert address("inputs") == address("inputs", optimizer={"lr": 0.5}, train={"epochs": 9})
    assert address("side") == address("side", loss={"damping": "constant"})
    assert address("inputs") == address("inputs", encoder={"width": 4})
    assert address("inputs") != address("inputs", encoder={"hop": 128})
    assert address("inputs") != address("inputs", synth={"num_samples": 256})
    assert address("inputs") != address("side")


def test_evaluate_needs_no_training_sound(tiny, invsound, monkeypatch):
    assert invsound(*toy(tiny, "--out", "first")).exit_code == 0
    before, original, prepared = Path("first/scores.json").read_bytes(), columns.compute_shard, []
    monkeypatch.setenv("INVSOUND_CACHE", str(Path.cwd() / "empty"))
    monkeypatch.setattr(columns, "compute_shard", lambda task: (prepared.append((task.column, len(task.nu))), original(task)))
    assert invsound("evaluate", "first", "--jobs", 1).exit_code == 0
    assert prepared == [("inputs", 4)]
    assert Path("first/scores.json").read_bytes() == before


def test_evaluate_scores_a_finished_run_anew(tiny, invsound, tmp_path):
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


def test_a_run_needs_a_new_folder_and_resume_takes_nothing_else(tiny, invsound):
    Path("full").mkdir()
    Path("full/thesis.tex").write_text("")
    assert "is no run folder" in invsound(*toy(tiny, "--out", "full")).stderr
    assert invsound(*toy(tiny, "train.epochs=0", "--out", "first")).exit_code == 0
    again = invsound(*toy(tiny, "--out", "first"))
    assert again.exit_code == 2
    assert "--resume first" in again.stderr
    assert "takes no parts" in invsound("run", "--resume", "first", "--synth", tiny).stderr
    assert invsound("run", "--resume", "nowhere").exit_code == 2


def test_a_read_only_folder_is_said(tiny, invsound, monkeypatch):
    Path("file").write_text("")
    for arguments in (["--out", "file/run"],):
        result = invsound(*toy(tiny, *arguments))
        assert result.exit_code == 1
        assert "Cannot write" in result.stderr
    monkeypatch.setenv("INVSOUND_CACHE", str(Path.cwd() / "file"))
    result = invsound(*toy(tiny, "--out", "run"))
    assert result.exit_code == 1
    assert "Cannot write" in result.stderr


def test_a_full_disk_in_the_middle_is_said_and_resumed(tiny, invsound, monkeypatch):
    assert invsound(*toy(tiny, "--out", "whole")).exit_code == 0
    monkeypatch.setenv("INVSOUND_CACHE", str(Path.cwd() / "fresh"))
    fsync, writes = os.fsync, []

    def full(descriptor):
        writes.append(descriptor)
        if len(writes) == 5:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    result = invsound(*toy(tiny, "--out", "cut"))
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert invsound("run", "--resume", "cut", "--jobs", 1).exit_code == 0
    assert Path("cut/scores.json").read_bytes() == Path("whole/scores.json").read_bytes()


def test_a_nan_names_its_origin(tiny, invsound, monkeypatch):
    cls = registry.load(registry.find("synth", tiny))
    forward = cls.forward
    monkeypatch.setattr(cls, "forward", lambda self, theta: forward(self, theta) / torch.zeros(()))
    result = invsound(*toy(tiny, "--out", "run"))
    assert result.exit_code == 1
    assert "The synth 'tiny' gave a NaN or an infinity in row 0" in result.stderr


def test_a_loss_that_diverges_names_epoch_and_remedy(tiny, invsound):
    result = invsound(*toy(tiny, "optimizer.lr=1e30", "--optimizer", "sgd", "--out", "run", loss="ddsp"))
    assert result.exit_code == 1
    assert "optimizer.lr" in result.stderr or "NaN" in result.stderr


def test_python_gives_what_the_command_line_gives(tiny):
    result = invsound_module.run(synth=tiny, feature="mss", loss="ploss", overrides=TOY, out="python")
    assert json.loads(Path("python/scores.json").read_text())["scores"] == result["scores"]
    with pytest.raises(InvsoundError, match="no run folder"):
        pipeline.resume("nowhere")


COMMAND = [sys.executable, "-m", "invsound", "run", "--synth", "amfm", "synth.num_samples=2048", "--feature", "mss", "--loss", "pnp"]
SLOWER = [
    "data.train=96",
    "data.val=8",
    "data.test=8",
    "train.epochs=12",
    "train.batch=16",
    "evaluate.scores=[mss]",
    "feature.n_fft=[512,64]",
]


def hear_ctrl_c():
    """Tests that a shell runs in the background have inherited that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start():
    """Start a command in a process group of its own, with one thread and a given cache; whatever still runs at the end is killed."""
    started = []

    def begin(arguments, cache):
        environment = {**os.environ, "INVSOUND_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            arguments, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True, preexec_fn=hear_ctrl_c
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


def progressed(run, cache):
    """How far a run has come, in shards and epochs."""
    metrics = run / "metrics.jsonl"
    return len(list(cache.rglob("*.safetensors"))) if cache.exists() else 0, len(
        metrics.read_text().splitlines()
    ) if metrics.exists() else 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_at_any_moment_and_resumed_gives_the_same_scores(jobs, start, tmp_path):
    whole = start([*COMMAND, *SLOWER, "--jobs", "1", "--out", "whole"], tmp_path / "cache-whole")
    _, errors = whole.communicate(timeout=120)
    assert whole.returncode == 0, errors.decode()
    cache, run = tmp_path / "cache-cut", tmp_path / "cut"
    arguments = [*COMMAND, *SLOWER, "--jobs", str(jobs), "--out", "cut"]
    for shards, epochs in ((3, 0), (15, 0), (0, 4))[::jobs]:
        process = start(arguments, cache)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            now = progressed(run, cache)
            if now[0] >= shards and now[1] >= epochs:
                break
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert not (run / "scores.json").exists(), "killed too late to prove anything"
        arguments = [sys.executable, "-m", "invsound", "run", "--resume", "cut", "--jobs", str(jobs)]
    process = start(arguments, cache)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    assert b"Resuming after epoch" in errors
    assert (run / "scores.json").read_bytes() == (tmp_path / "whole" / "scores.json").read_bytes()


@pytest.mark.parametrize(("jobs", "shards", "epochs"), [(2, 1, 0), (1, 2, 0), (1, 0, 3)])
def test_ctrl_c_is_one_line_and_loses_nothing(jobs, shards, epochs, start, tmp_path):
    run, cache = tmp_path / "cut", tmp_path / "cache"
    process = start([*COMMAND, *SLOWER, "--jobs", str(jobs), "--out", "cut"], cache)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (progressed(run, cache)[0] >= shards and progressed(run, cache)[1] >= epochs):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    assert b"Interrupted" in errors
    assert b"Traceback" not in errors
    assert progressed(run, cache) >= (shards, epochs)


def workers_of(run):
    children = [int(pid) for pid in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()]
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_workers_end_with_a_killed_parent(start, tmp_path):
    run = start([*COMMAND, *SLOWER, "--jobs", "2", "--out", "cut"], tmp_path / "cache")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and progressed(tmp_path / "cut", tmp_path / "cache")[0] < 1:
        time.sleep(0.01)
    workers = workers_of(run)
    assert workers
    os.kill(run.pid, signal.SIGKILL)
    while time.monotonic() < deadline and any(Path(f"/proc/{pid}").exists() for pid in workers):
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_a_killed_worker_is_said_and_loses_one_shard(start, tmp_path):
    run = start([*COMMAND, *SLOWER, "--jobs", "2", "--out", "cut"], tmp_path / "cache")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and progressed(tmp_path / "cut", tmp_path / "cache")[0] < 2:
        time.sleep(0.01)
    os.kill(workers_of(run)[0], signal.SIGKILL)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 1
    assert b"A worker process died" in errors
    assert b"Traceback" not in errors
    assert progressed(tmp_path / "cut", tmp_path / "cache")[0] >= 2
