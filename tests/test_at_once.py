"""Commands, threads and sweeps at once: each has what it would have alone."""

import contextlib
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import invsound as library
from invsound.runs import config, folder
from invsound.system.claim import Busy, claimed, claimed_free

OPTIONS = [
    "data.train=16", "data.val=8", "data.test=4", "train.epochs=2", "train.batch=8", "evaluate.sounds=1", "evaluate.scores=[mss]",
    "feature.n_fft=[256,64]", "encoder.dropout=0.5",
]  # fmt: skip


def scores(path):
    return (Path(path) / "scores.json").read_bytes()


def test_runs_in_two_threads_and_in_another_default_dtype_give_the_scores_they_have_alone(tiny):
    def run(seed, out):
        library.run(tiny, "mss", "pnp", overrides=[*OPTIONS, f"seed={seed}"], out=out)

    for seed in (1, 2):
        run(seed, f"alone-{seed}")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, (1, 2), ("thread-1", "thread-2")))
    for seed in (1, 2):
        assert scores(f"thread-{seed}") == scores(f"alone-{seed}")
    torch.set_default_dtype(torch.float64)
    try:
        run(1, "double")
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert scores("double") == scores("alone-1")


def test_draws_from_the_global_generator_are_one_threads_at_a_time():
    from invsound.system.rng import forked

    def draw(seed):
        with forked(seed, "weights"):
            return [float(torch.rand(())) for _ in range(300)]

    alone = [draw(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw, range(4))) == alone


def test_jacobians_in_threads_are_those_of_one(tiny):
    synth = library.make("synth", tiny)
    problem = library.Problem(synth, library.make("feature", "mss", signal=synth.signal, n_fft=[256]))
    nu = torch.linspace(-0.9, 0.9, 8).reshape(4, 2)
    J, start = problem.jacobian(nu), threading.Barrier(4)

    def again(_):
        start.wait()
        return [problem.jacobian(nu) for _ in range(8)]

    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(other, J) for found in pool.map(again, range(4)) for other in found)


def test_a_folder_is_claimed_once_and_an_empty_one_is_not_left():
    with claimed("runs/mine"), pytest.raises(Busy, match="is being written by another command"), claimed("runs/mine"):
        pytest.fail("it is claimed already")
    assert not Path("runs/mine").exists()


def test_many_who_choose_a_folder_choose_different_ones(tiny):
    resolved, start = config.resolve({"parts": {"synth": tiny, "feature": "mss"}}), threading.Barrier(8)

    def choose(_):
        start.wait()
        with folder.created(None, resolved) as path:
            return path

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(choose, range(8)))) == 8


CLAIM = """
import sys, time
from invsound import UsageError
from invsound.system.claim import claimed
sys.stdin.readline()
try:
    with claimed(sys.argv[1]) as path:
        (path / "mine").write_text("")
        print("mine", flush=True)
        sys.stdin.readline()
except UsageError as error:
    print(error, flush=True)
"""


def test_of_processes_given_one_folder_one_has_it_and_a_killed_one_gives_it_back():
    start = lambda: subprocess.Popen([sys.executable, "-c", CLAIM, "out"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: E731
    processes = [start() for _ in range(3)]
    with contextlib.ExitStack() as stack:
        for process in processes:
            stack.enter_context(process)
            stack.callback(process.kill)
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.stdout.readline() for process in processes]
        assert said.count("mine\n") == 1
        assert sum("is being written by another command" in line for line in said) == 2
        processes[said.index("mine\n")].kill()
        processes[said.index("mine\n")].wait()
        with claimed("out"):
            pass


def test_whatever_writes_into_a_claimed_folder_says_so_and_writes_nothing(tiny, invsound, toy, write_run):
    assert invsound("render", "--synth", tiny, "--out", "tone.wav").exit_code == 0
    write_run("runs/one", [1.0, 2.0])
    parts = ["--synth", tiny, "--feature", "mss"]
    commands = {
        "run": toy(tiny),
        "match": ["match", "tone.wav", *parts],
        "match of many": ["match", "tone.wav", "tone.wav", *parts],
        "radius": ["doctor", "radius", *parts],
        "compare": ["compare", "runs"],
    }
    with claimed("busy"):
        for name, command in commands.items():
            result = invsound(*command, "--out", "busy")
            assert (name, result.exit_code, "is being written by another command" in result.stderr) == (name, 2, True), result.stderr
        assert [path.name for path in Path("busy").iterdir()] == [".lock"]
    for command in ("radius", "compare"):
        assert invsound(*commands[command], "--out", "busy").exit_code == 0
    assert {"radius.json", "comparison.json"} <= {path.name for path in Path("busy").iterdir()}


def test_a_run_is_scored_and_resumed_by_one_at_a_time(tiny, invsound, toy):
    assert invsound(*toy(tiny, "--out", "done")).exit_code == 0
    before = {path: path.read_bytes() for path in Path("done").rglob("*") if path.is_file()}
    with claimed("done"):
        for command in (["evaluate", "done"], ["run", "--resume", "done"], toy(tiny, "--out", "done")):
            result = invsound(*command)
            assert (result.exit_code, "another command" in result.stderr or "holds a run already" in result.stderr) == (2, True)
    assert before == {path: path.read_bytes() for path in Path("done").rglob("*") if path.is_file()}


def test_whoever_takes_a_folder_that_is_removed_in_that_moment_has_it_or_a_new_one():
    """Threads that claim, find nothing to keep, and so remove the folder and its parents, all the time."""
    inside, most, start = [], [], threading.Barrier(4)

    def again(_):
        start.wait()
        had = 0
        for _ in range(200):
            with contextlib.suppress(Busy), claimed("runs/mine") as path:
                inside.append(path)
                most.append(len(inside))
                assert path.is_dir()
                inside.pop()
                had += 1
        return had

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(again, range(4))) > 0
    assert max(most) == 1


def test_names_that_are_not_asked_for_are_the_next_that_nobody_writes():
    with claimed_free("runs/match-tone") as first, claimed_free("runs/match-tone") as second:
        assert [first, second] == [Path("runs/match-tone"), Path("runs/match-tone-2")]
        (first / "found").write_text("")
    with claimed_free("runs/match-tone") as again, pytest.raises(Busy), claimed(again):
        pytest.fail("it is claimed already")
    assert [path.name for path in Path("runs").iterdir()] == ["match-tone"]


def test_a_sweep_leaves_to_another_what_that_one_is_at_work_on(tiny, invsound, toy):
    base = {"parts": {"synth": tiny, "feature": "mss", "loss": "ploss"}} | {
        option.split("=")[0]: option.split("=")[1] for option in OPTIONS[:5]
    }
    Path("sweep.yaml").write_text(json.dumps({"base": {**base, "evaluate.scores": ["mss"]}, "seeds": [0, 1]}))
    with claimed("runs/sweep/base/seed-0"):
        first = invsound("sweep", "sweep.yaml", "--json", "--jobs", 1)
    assert first.exit_code == 0, first.stderr
    assert [run["state"] for run in json.loads(first.stdout)] == ["elsewhere", "finished"]
    assert "Skipped: base, seed 0" in first.stderr
    assert [run["state"] for run in json.loads(invsound("sweep", "sweep.yaml", "--json", "--jobs", 1).stdout)] == ["finished", "finished"]
