"""When there is no memory, no main guard, no place in the cache: the message names that, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from invsound import InvsoundError, UsageError
from invsound.data.store import Store
from invsound.hooks import registry
from invsound.system import executor

SCRIPT = """
import invsound
{guard}invsound.{call}
"""
RUN = (
    "run('tiny', 'mss', 'ploss', jobs=2, out={out!r}, overrides=['feature.n_fft=[256]', 'data.train=64', 'data.val=8', 'data.test=4', "
    "'train.epochs=1', 'evaluate.scores=[mss]'])"
)
MATCH = "Matcher('tiny', 'mss', of={'feature': {'n_fft': [256]}, 'match': {'budget': 1}}, jobs=2)([0.0, 1.0] * 256, 8000)"


def script(text, site):
    Path("script.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=False, env=environment, timeout=120)


@pytest.fixture
def site(install, tiny_source):
    hook = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_synths():\n    return [Part('tiny', 'tiny_parts:Tiny')]\n"
    return install("tiny-synth", hook, tiny_parts=tiny_source)


@pytest.mark.parametrize("call", [RUN.format(out="run"), MATCH], ids=["run", "match"])
def test_a_script_without_a_main_guard_is_told_so_and_begins_nothing_twice(call, site):
    done = script(SCRIPT.format(guard="", call=call), site)
    assert done.returncode == 1
    assert "has no main guard" in done.stderr.splitlines()[-1]
    assert "memory" not in done.stderr
    assert done.stderr.count("Traceback") == done.stderr.count("The above exception") + 1  # the script's own error, with its cause
    assert len(list(Path().glob("run*/**/config.yaml"))) == ("run" in call and "Matcher" not in call)


def test_a_script_with_a_main_guard_runs(site):
    done = script(SCRIPT.format(guard="if __name__ == '__main__': ", call=RUN.format(out="run")), site)
    assert done.returncode == 0, done.stderr
    assert Path("run/scores.json").exists()


def test_a_worker_that_is_ended_is_not_short_of_memory():
    with pytest.raises(InvsoundError, match="exit code 5"), executor.local(2) as pool:
        executor.run_all(pool, os._exit, [5, 5], lambda task, result: None)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("12 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("std::bad_alloc"),
    ],
)
@pytest.mark.parametrize("where", ["__init__", "forward"])
def test_short_memory_is_said_wherever_it_is_short(error, where, tiny, invsound, monkeypatch):
    def short(*given):
        raise error

    monkeypatch.setattr(registry.load(registry.find("synth", tiny)), where, short)
    result = invsound("render", "--synth", tiny)
    assert result.exit_code == 1
    assert result.stderr.startswith("invsound: Out of memory.")
    assert "tiny-synth" not in result.stderr


def test_memory_that_torch_really_could_not_get_is_said(tiny, invsound, monkeypatch):
    monkeypatch.setattr(registry.load(registry.find("synth", tiny)), "forward", lambda self, theta: torch.empty(2**60))
    result = invsound("render", "--synth", tiny)
    assert (result.exit_code, result.stderr[:24]) == (1, "invsound: Out of memory.")


def test_a_cache_that_cannot_be_written_names_its_variable(tiny, invsound, toy, monkeypatch):
    Path("file").write_text("")
    with pytest.raises(UsageError, match="INVSOUND_CACHE"):
        Store(Path("file/cache")).check()
    with pytest.raises(InvsoundError, match="INVSOUND_CACHE"):
        Store(Path("file")).put("ab" * 32, torch.zeros(1))
    monkeypatch.setenv("INVSOUND_CACHE", str(Path("file").absolute()))
    for arguments in (toy(tiny), ["match", "x.wav", "--synth", tiny, "--feature", "mss", "--jobs", 1]):
        if arguments[0] == "match":
            assert invsound("render", "--synth", tiny, "--out", "x.wav").exit_code == 0
        result = invsound(*arguments)
        assert result.exit_code == 2
        assert "INVSOUND_CACHE names another folder" in result.stderr


@pytest.mark.parametrize(("limit", "said"), [("-f 30", "The limit on the size of files (ulimit -f)"), ("-v 400000", "Out of memory.")])
def test_a_limit_of_the_process_is_named(limit, said, site):
    script = Path(sys.executable).with_name("invsound")
    command = f"ulimit {limit} && exec {script} render --synth tiny synth.num_samples=20000 --out x.wav"
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1, done
    assert said in done.stderr
    assert "Traceback" not in done.stderr
