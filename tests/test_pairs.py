"""Two whole commands in two processes, begun in the same moment: each does its work, or says that the other has the folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from invsound.system.claim import LOCK

COMMANDS = """
import json, os, sys
from typer.testing import CliRunner
from invsound import cli, matching, pipeline
cli.app
print("ready", flush=True)
for line in sys.stdin:
    folder, arguments = json.loads(line)
    os.chdir(folder)
    done = CliRunner().invoke(cli.app, arguments, prog_name="invsound")
    print(json.dumps([done.exit_code, done.stdout, done.stderr]), flush=True)
"""
PARTS = ["--synth", "amfm", "synth.num_samples=1024", "--feature", "mss", "feature.n_fft=[256]"]
SIZE = {"data.train": 8, "data.val": 4, "data.test": 4, "train.epochs": 1, "train.batch": 4, "evaluate.sounds": 1}
RUN = ["run", *PARTS, "--jobs", "1", *(f"{key}={value}" for key, value in SIZE.items()), "evaluate.scores=[mss]"]
MATCH = [*PARTS, "--jobs", "1", "--candidates", "8", "--starts", "1", "--evaluations", "40", "--json"]
BUSY = "is being written by another command"


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Two processes with one cache that have imported all and wait for commands."""
    environment = {**os.environ, "INVSOUND_CACHE": str(tmp_path_factory.mktemp("cache")), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen([sys.executable, "-c", COMMANDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    assert [process.stdout.readline() for process in started] == ["ready\n"] * 2
    yield started
    for process in started:
        process.communicate()


@pytest.fixture
def at_once(processes):
    """`at_once(*arguments)`: the same command, or with `other=` another, in both; their exit codes, stdout and stderr."""

    def begin(*arguments, other=None):
        for process, given in zip(processes, (arguments, other or arguments), strict=True):
            process.stdin.write(json.dumps([str(Path.cwd()), [*map(str, given)]]) + "\n")
        for process in processes:
            process.stdin.flush()
        return [json.loads(process.stdout.readline()) for process in processes]

    return begin


@pytest.fixture
def tone(invsound):
    assert invsound("render", *PARTS[:3], "--out", "tone.wav").exit_code == 0
    return "tone.wav"


def of_one(results):
    """The stdout of the one that did the work, where the other said that it is at work."""
    assert sorted(code for code, *_ in results) == [0, 2], results
    assert [BUSY in said or "holds a run already" in said for _, _, said in results] == [code != 0 for code, *_ in results], results
    return next(out for code, out, _ in results if code == 0)


def contents(folder):
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.name != LOCK}


def test_of_two_runs_into_one_folder_one_has_it(at_once):
    result = json.loads(of_one(at_once(*RUN, "--json", "--out", "mine")))
    assert json.loads(Path("mine/scores.json").read_text())["scores"] == result["scores"]
    assert [path.name for path in Path.cwd().iterdir()] == ["mine"]


def test_two_runs_without_a_folder_have_one_each(at_once):
    results = at_once(*RUN, "--json", other=[*RUN, "--json", "seed=1"])
    assert [code for code, *_ in results] == [0, 0], results
    found = [json.loads(out) for _, out, _ in results]
    assert {result["folder"] for result in found} == {"runs/amfm-mss-ploss-001", "runs/amfm-mss-ploss-002"}
    for result in found:
        assert json.loads(Path(result["folder"], "scores.json").read_text())["scores"] == result["scores"]
    assert found[0]["scores"] != found[1]["scores"]


def test_two_equal_sweeps_do_every_run_once(at_once):
    base = {
        "parts": {"synth": "amfm", "feature": "mss"},
        "synth.num_samples": 1024,
        "feature.n_fft": [256],
        **SIZE,
        "evaluate.scores": ["mss"],
    }
    Path("sweep.yaml").write_text(json.dumps({"base": base, "seeds": [0, 1]}))
    results = at_once("sweep", "sweep.yaml", "--jobs", 1, "--json")
    assert [code for code, *_ in results] == [0, 0], results
    states = [[run["state"] for run in json.loads(out)] for _, out, _ in results]
    assert all({"finished"} <= set(pair) <= {"finished", "elsewhere"} for pair in zip(*states, strict=True)), states
    for seed in (0, 1):
        epochs = [json.loads(line)["epoch"] for line in Path(f"runs/sweep/base/seed-{seed}/metrics.jsonl").read_text().splitlines()]
        assert epochs == [0, 1]


def test_two_matches_into_one_folder(at_once, tone):
    of_one(at_once("match", tone, *MATCH, "--out", "found"))
    assert contents("found") == {"match.json", "match.wav", "target.wav", "match.html"}
    Path("other.wav").write_bytes(Path(tone).read_bytes())
    of_one(at_once("match", tone, "other.wav", *MATCH, "--out", "several"))
    assert {"tone", "other", "matches.csv", "matches.json", "matches.html"} <= contents("several")


def test_two_matches_without_a_folder_have_one_each(at_once, tone):
    Path("other").mkdir()
    Path("other/tone.wav").write_bytes(Path(tone).read_bytes())
    results = at_once("match", tone, *MATCH, other=["match", "other/tone.wav", *MATCH])
    assert [code for code, *_ in results] == [0, 0], results
    assert {json.loads(out)["folder"] for _, out, _ in results} == {"runs/match-tone", "runs/match-tone-2"}
    assert contents("runs/match-tone-2") == contents("runs/match-tone") == {"match.json", "match.wav", "target.wav", "match.html"}


def test_two_new_packages_of_one_name(at_once):
    results = at_once("new-plugin", "invsound-bell", "--synth", "bell", other=["new-plugin", "invsound-bell", "--feature", "bell"])
    assert sorted(code for code, *_ in results) == [0, 2], results
    assert sum("nothing in it was touched" in said for *_, said in results) == 1


def test_two_sounds_rendered_into_one_file_leave_one_whole(at_once):
    results = at_once("render", *PARTS[:3], "f0=600", "--out", "tone.wav", other=["render", *PARTS[:3], "f0=900", "--out", "tone.wav"])
    assert [code for code, *_ in results] == [0, 0], results
    sounds = []
    for f0, (_, out, _) in zip((600, 900), results, strict=True):
        assert f"f0={f0}" in out
        again, _ = at_once("render", *PARTS[:3], f"f0={f0}", "--out", f"{f0}.wav", other=["--version"])
        assert again[0] == 0
        sounds.append(Path(f"{f0}.wav").read_bytes())
    assert Path("tone.wav").read_bytes() in sounds
    assert contents(".") == {"tone.wav", "600.wav", "900.wav"}
