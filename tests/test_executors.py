"""Who computes changes no result: a stranger's executor prepares, matches and sweeps what this machine does; and is cut off as it is."""

import json
import re
from pathlib import Path

import pytest
import yaml

import invsound as package
from invsound import InvsoundError, UsageError
from invsound.data import shards
from invsound.executor import Workforce

PAGE = Path(__file__).parent.parent / "docs" / "hooks" / "executors.md"


@pytest.fixture
def once(install):
    """The executor of the tutorial."""
    blocks = re.findall(r"```\{code-block\} python\n:caption: (\w+)\.py\n(.*?)```", PAGE.read_text(), re.DOTALL)
    sources = dict(blocks)
    install("once-plugin", sources["once_plugin"], once=sources["once"])
    return "once"


def test_a_run_has_the_same_scores_whoever_prepares_it(tiny, once, toy, invsound, monkeypatch, tmp_path):
    assert invsound(*toy(tiny, "--out", "here")).exit_code == 0
    monkeypatch.setenv("INVSOUND_CACHE", str(tmp_path / "other"))
    monkeypatch.setattr(shards, "compute_shard", lambda task: pytest.fail("it was computed here"))
    result = invsound(*toy(tiny, "--executor", once, "executor.jobs=1", "--out", "there"))
    assert result.exit_code == 0, result.stderr
    for name in ("config.yaml", "scores.json", "predictions.csv"):
        assert Path("here", name).read_bytes() == Path("there", name).read_bytes()


def test_a_run_goes_on_with_another_executor(tiny, once, toy, invsound, monkeypatch):
    def cut(task):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shards, "compute_shard", cut)
        assert invsound(*toy(tiny, "--out", "cut")).exit_code == 130
    refused = invsound("run", "--resume", "cut", "train.epochs=9", "executor.jobs=1")
    assert (refused.exit_code, "as it was begun" in refused.stderr) == (2, True)
    assert invsound("run", "--resume", "cut", "--executor", once, "executor.jobs=1").exit_code == 0
    assert invsound(*toy(tiny, "--out", "whole")).exit_code == 0
    assert Path("cut/scores.json").read_bytes() == Path("whole/scores.json").read_bytes()


def test_files_are_matched_by_it(tiny, once, invsound):
    for k, f in enumerate((200, 300)):
        invsound("render", "--synth", tiny, f"f={f}", "--out", f"{k}.wav")
    how = [
        "--synth",
        tiny,
        "--feature",
        "mss",
        "feature.n_fft=[256]",
        "--candidates",
        16,
        "--budget",
        "none",
        "--evaluations",
        200,
        "--json",
    ]
    here = invsound("match", "0.wav", "1.wav", *how, "--jobs", 1, "--out", "here")
    there = invsound("match", "0.wav", "1.wav", *how, "--executor", once, "executor.jobs=1", "--out", "there")
    assert (here.exit_code, there.exit_code) == (0, 0), here.stderr + there.stderr
    found = [[match["parameters"] for match in json.loads(result.stdout)] for result in (here, there)]
    assert found[0] == found[1]


def test_each_run_of_a_sweep_is_a_task(tiny, once, invsound):
    base = {
        "parts": {"synth": tiny, "feature": "mss"}, "feature": {"n_fft": [256, 64]}, "data": {"train": 8, "val": 4, "test": 4},
        "train": {"epochs": 1, "batch": 4}, "evaluate": {"scores": ["mss"], "sounds": 0},
    }  # fmt: skip
    Path("study.yaml").write_text(yaml.safe_dump({"base": base, "grid": {"optimizer.lr": [1e-3, -1.0]}, "seeds": [0]}))
    refused = invsound("sweep", "study.yaml", "--executor", once)
    assert refused.exit_code == 2  # before any work
    Path("study.yaml").write_text(yaml.safe_dump({"base": base, "seeds": [0, 1]}))
    assert invsound("sweep", "study.yaml", "--jobs", 1, "--out", "here").exit_code == 0
    there = invsound("sweep", "study.yaml", "--executor", once, "executor.jobs=1", "--out", "there", "--json")
    assert there.exit_code == 0, there.stderr
    assert [run["state"] for run in json.loads(there.stdout)] == ["finished", "finished"]
    assert there.stderr.count("finished: base, seed") == 2
    for seed in (0, 1):
        assert Path(f"here/base/seed-{seed}/scores.json").read_bytes() == Path(f"there/base/seed-{seed}/scores.json").read_bytes()


def test_a_wrong_executor_or_option_is_said_before_any_work(tiny, once, toy, invsound):
    for arguments, said in (
        (["--executor", "onec"], "Did you mean 'once'?"),
        (["--executor", once, "executor.job=3"], "Did you mean 'jobs'?"),
        (["executor.partition=cpu"], "executor local has no option 'partition'"),
        (["executor.jobs=0"], "executor local: option jobs takes"),
    ):
        result = invsound(*toy(tiny, *arguments, "--out", "never"))
        assert result.exit_code == 2
        assert said in result.stderr
    assert not Path("never").exists()
    with pytest.raises(UsageError, match="optimizer cannot be given now"):
        package.resume("never", overrides=["optimizer.lr=1"])


CHECKED = """
from once import Once
from invsound import UsageError
class Absent(Once):
    def check(self):
        raise UsageError("There is no cluster here.")
class Packing(Once):
    def together(self, count):
        return 3
"""


def test_it_may_say_that_it_cannot_work_here_and_how_many_shards_it_wants(tiny, once, install, toy, invsound, monkeypatch):
    parts = "Part('absent', 'more_once:Absent'), Part('packing', 'more_once:Packing')"
    hook = f"from invsound import Part, hookimpl\n@hookimpl\ndef invsound_executors(): return [{parts}]\n"
    install("more", hook, more_once=CHECKED)
    result = invsound(*toy(tiny, "--executor", "absent", "--out", "never"))
    assert (result.exit_code, Path("never").exists()) == (2, False)
    assert "There is no cluster here." in result.stderr
    groups = []

    def run_all(executor, function, tasks, done, window):
        for task in tasks:
            groups.append(task)
            done(task, function(task))

    monkeypatch.setattr(shards.executor, "run_all", run_all)
    assert invsound(*toy(tiny, "--executor", "packing", "--out", "packed")).exit_code == 0
    assert [len(group) for group in groups] == [3, 3, 1]  # 16, 8 and 4 sounds in four shards for the encoder, and three for the loss
    groups_before = len(groups)
    shards.compute_shards(groups[0])  # as a lost task is asked for again: nothing is computed twice
    assert len(groups) == groups_before


def test_processes_of_this_machine_are_as_many_as_jobs_or_tasks_and_one_for_a_device():
    assert Workforce(3).executor(2).options.jobs == 2
    assert Workforce(3).executor(9).options.jobs == 3
    assert Workforce(3, options={"jobs": 5}).executor(9).options.jobs == 5
    assert Workforce(3).executor(9, "cuda:0").options.jobs == 1


def test_a_part_that_is_no_executor_is_named(install):
    hook = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_executors(): return [Part('not', 'notone:Not')]\n"
    source = "from invsound.testing.toys import NoOptions\nclass Not:\n    Options, elsewhere = NoOptions, True\n"
    source += "    def __init__(self, options): pass\n"
    install("not-one", hook, notone=source)
    with pytest.raises(InvsoundError, match=r"The executor not \(not-one 1.0\) is no invsound.Executor"):
        Workforce(name="not").check()
