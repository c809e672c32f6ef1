"""What is cut off — by Ctrl-C, kill −9, a full disk — goes on and ends in the same scores."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "invsound", "run", "--synth", "amfm", "synth.num_samples=2048", "--feature", "mss", "--loss", "pnp"]

PATIENCE = 300
"""Seconds, for machines that have much else to do."""
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


def test_training_interrupted_after_any_epoch_resumes_to_the_same_scores(tiny, invsound, monkeypatch, toy):
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


def test_a_read_only_folder_is_said(tiny, invsound, monkeypatch, toy):
    Path("file").write_text("")
    for arguments in (["--out", "file/run"],):
        result = invsound(*toy(tiny, *arguments))
        assert result.exit_code == 2
        assert "cannot be written" in result.stderr
    monkeypatch.setenv("INVSOUND_CACHE", str(Path.cwd() / "file"))
    result = invsound(*toy(tiny, "--out", "run"))
    assert result.exit_code == 2
    assert "INVSOUND_CACHE names another folder" in result.stderr


def test_a_full_disk_in_the_middle_is_said_and_resumed(tiny, invsound, monkeypatch, toy):
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


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_killed_at_any_moment_and_resumed_gives_the_same_scores(jobs, start, tmp_path, invsound):
    assert invsound(*COMMAND[3:], *SLOWER, "--jobs", "1", "--out", "whole").exit_code == 0
    cache, run = tmp_path / "cache-cut", tmp_path / "cut"
    arguments = [*COMMAND, *SLOWER, "--jobs", str(jobs), "--out", "cut"]
    for shards, epochs in ((3, 0), (15, 0), (0, 4))[::jobs]:
        process = start(arguments, cache)
        deadline = time.monotonic() + PATIENCE
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
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors.decode()
    assert b"Resuming after epoch" in errors
    assert (run / "scores.json").read_bytes() == (tmp_path / "whole" / "scores.json").read_bytes()


@pytest.mark.parametrize(("jobs", "shards", "epochs"), [(2, 1, 0), pytest.param(1, 2, 0, marks=pytest.mark.slow), (1, 0, 3)])
def test_ctrl_c_is_one_line_and_loses_nothing(jobs, shards, epochs, start, tmp_path):
    run, cache = tmp_path / "cut", tmp_path / "cache"
    process = start([*COMMAND, *SLOWER, "--jobs", str(jobs), "--out", "cut"], cache)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not (progressed(run, cache)[0] >= shards and progressed(run, cache)[1] >= epochs):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors.decode()
    assert b"Interrupted" in errors
    assert b"Traceback" not in errors
    assert progressed(run, cache) >= (shards, epochs)


def workers_of(run):
    children = [int(pid) for pid in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()]
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_workers_end_with_a_killed_parent(start, tmp_path):
    run = start([*COMMAND, *SLOWER, "--jobs", "2", "--out", "cut"], tmp_path / "cache")
    deadline = time.monotonic() + PATIENCE
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
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and progressed(tmp_path / "cut", tmp_path / "cache")[0] < 2:
        time.sleep(0.01)
    os.kill(workers_of(run)[0], signal.SIGKILL)
    _, errors = run.communicate(timeout=PATIENCE)
    assert run.returncode == 1
    assert b"A worker process died" in errors
    assert b"Traceback" not in errors
    assert progressed(tmp_path / "cut", tmp_path / "cache")[0] >= 2
