"""Jobs as processes of this machine, which submitit starts as it starts those of SLURM; tests/test_cluster.py has a real one."""

import importlib
import logging
import os
import stat
import time
from pathlib import Path

import pytest

import invsound
from invsound import InvsoundError, UsageError
from invsound.testing import ExecutorContract

LOCAL = {"cluster": "local", "poll": 0.05}


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class TestSlurm(ExecutorContract):
    part = "slurm"


def make(**options):
    return invsound.make("executor", "slurm", **(LOCAL | options))


MORTAL = """
import os, pathlib, signal, time

def die_once(trace):  # by the signal of a time limit
    if not os.path.exists(trace):
        pathlib.Path(trace).touch()
        os.kill(os.getpid(), signal.SIGUSR2)
        time.sleep(60)
    return "survived"
"""


def test_a_job_out_of_time_is_asked_for_again(tmp_path, monkeypatch, caplog):
    (tmp_path / "mortal_job.py").write_text(MORTAL)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    die_once = importlib.import_module("mortal_job").die_once
    with caplog.at_level(logging.WARNING, logger="invsound"), make(jobs=1) as executor:
        assert executor.submit(die_once, str(tmp_path / "trace")).result() == "survived"
    assert "is asked for again" in caplog.text


def test_after_its_tries_an_error_says_what_to_do_and_the_log_is_kept():
    with make(jobs=1, tries=2) as executor:
        error = executor.submit(os._exit, 3).exception()
    assert isinstance(error, InvsoundError)
    assert "2 times" in str(error)
    assert "executor.time" in str(error)
    (folder,) = Path(".invsound-slurm").iterdir()
    assert str(folder) in str(error)


def test_the_folder_of_its_pickles_is_its_users_alone_and_goes_when_all_is_well():
    with make(jobs=1) as executor:
        first = executor.submit(os.system, "until [ -e seen ]; do sleep 0.05; done")
        while not first.running():
            time.sleep(0.01)
        while not list(Path(".invsound-slurm").glob("jobs-*")):
            time.sleep(0.01)
        (folder,) = Path(".invsound-slurm").iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        Path("seen").touch()
        first.result()
    assert not Path(".invsound-slurm").exists()


def test_no_more_than_jobs_are_submitted_at_once(tmp_path):
    with make(jobs=1) as executor:
        futures = [executor.submit(time.time) for _ in range(3)]
        assert [future.result() for future in futures] == sorted(future.result() for future in futures)


def test_shards_of_a_job():
    assert make(jobs=200).together(10_000) == 13
    assert make(jobs=1).together(3) == 1
    assert make(jobs=2).together(100_000) == 64
    assert make(jobs=2, chunk=500).together(100_000) == 500
    assert make(jobs=2, chunk=500).together(20) == 20


def test_options_become_those_of_sbatch():
    given = make(partition="cpu", memory=1.5, cpus=4, time=90, extra=["account=mine", "exclusive"], setup=["module load x"]).options.sbatch
    assert (given["partition"], given["mem"], given["cpus_per_task"], given["time"]) == ("cpu", "1536M", 4, 90)
    assert given["additional_parameters"] == {"requeue": True, "account": "mine", "exclusive": True}
    assert given["setup"][-1] == "module load x"
    with pytest.raises(UsageError, match="name=value"):
        make(extra=["=x"])


def test_without_slurm_it_says_so_before_any_work(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="There is no SLURM here: sbatch"):
        invsound.make("executor", "slurm").check()
