"""Ctrl-C, SIGTERM and SIGHUP end a command at once, in one line, with an exit code of their own, and it goes on from there."""

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from invsound.system import executor

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
SLOW = "import sys, time\nsys.stderr.write('importing\\n')\nsys.stderr.flush()\n"
SWALLOWS = SLOW + "for _ in range(3000):\n    try: time.sleep(0.1)\n    except BaseException: pass\n"
"""Its import takes five minutes, and takes no KeyboardInterrupt, as those of compiled modules may."""
IN_WORKERS = """
import multiprocessing, os, time
if multiprocessing.parent_process():
    open(f"starting-{os.getpid()}", "w")
    time.sleep(600)
"""


def heard():
    """Tests that a shell runs in the background have inherited that Ctrl-C is ignored."""
    for number in CODES:
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path):
    """Start a Python in a process group of its own that finds the distributions of this test; it is killed at the end."""
    with contextlib.ExitStack() as started:

        def begin(*arguments, before=heard):
            path = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
            environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
            process = subprocess.Popen(
                [sys.executable, *map(str, arguments)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                start_new_session=True, preexec_fn=before,
            )  # fmt: skip
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield begin


def end(process, number, times=1):
    """Send a signal to the whole group, and return the exit code and what was said, long before what it was at has ended."""
    for _ in range(times):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        time.sleep(0.1)
    said = process.communicate(timeout=120)[1]
    return process.returncode, said


@pytest.mark.parametrize("number", CODES)
def test_a_signal_while_modules_are_imported_ends_the_command(number, start, install):
    install("slow-plugin", SWALLOWS)
    process = start("-m", "invsound", "list-plugins")
    assert process.stderr.readline() == "importing\n"
    code, said = end(process, number)
    assert (code, said.count("\n"), "Traceback" in said) == (CODES[number], 1, False), said


def test_where_a_stream_is_closed_what_is_written_to_it_is_no_signal(start, install):
    install("slow-plugin", SLOW + "import os\nos.system('echo noise; echo noise >&2')\ntime.sleep(0.3)\n")
    process = start("-m", "invsound", "list-plugins", before=lambda: (heard(), os.close(0), os.close(1)))
    assert process.stderr.readline() == "importing\n"
    assert process.wait() in (0, 1)


def test_a_signal_that_is_ignored_already_stays_so(start, install):
    install("slow-plugin", SLOW + "time.sleep(0.5)\n")
    process = start("-m", "invsound", "list-plugins", before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert process.stderr.readline() == "importing\n"
    assert end(process, signal.SIGHUP) == (0, "")


def workers_of(process):
    children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 2), pytest.param(signal.SIGTERM, 1, marks=pytest.mark.slow)])
def test_workers_that_are_still_starting_are_not_waited_for(number, times, start, tiny, tmp_path, toy, invsound):
    parts = tmp_path / "site" / "tiny_parts.py"
    source = parts.read_text()
    parts.write_text(IN_WORKERS + source)
    process = start("-m", "invsound", *toy(tiny, "--out", "cut", "--jobs", 2))
    assert process.stderr.readline() == "Run folder: cut\n"
    assert process.stderr.readline().startswith("Preparing encoder inputs (28 sounds)")
    while len(list(tmp_path.glob("starting-*"))) < 2:  # before that a worker may be killed of which Python says so
        assert process.poll() is None
        time.sleep(0.01)
    workers = workers_of(process)
    code, said = end(process, number, times)
    assert (code, said.count("\n"), "--resume" in said) == (CODES[number], 1, True), said
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline, "a worker goes on alone"
        time.sleep(0.02)
    parts.write_text(source)
    assert invsound("run", "--resume", "cut", "--jobs", 1).exit_code == 0


DEAF = """
import sys, time
from invsound.cli import signals
signals.GRACE, signals.AGAIN = float(sys.argv[1]), 0.2
with signals.heard():
    print("begun", file=sys.stderr, flush=True)
    while True:
        try:
            time.sleep(600)
        except KeyboardInterrupt:
            pass
"""


@pytest.mark.parametrize(("grace", "times"), [(0.2, 1), (600, 2)])
def test_a_command_that_does_not_end_is_ended_after_a_while_or_at_the_second_signal(grace, times, start):
    process = start("-c", DEAF, grace)
    assert process.stderr.readline() == "begun\n"
    code, said = end(process, signal.SIGTERM, times)
    assert (code, said.count("\n")) == (143, 1), said


FAILS = """
import sys, time
from invsound.cli import common, signals
@common.guarded
def command():
    print("begun", file=sys.stderr, flush=True)
    try:
        time.sleep(600)
    finally:
        raise OSError("what it writes to is gone")
with signals.heard():
    command()
"""


def test_what_a_signal_breaks_is_not_the_failure(start):
    process = start("-c", FAILS)
    assert process.stderr.readline() == "begun\n"
    code, said = end(process, signal.SIGHUP)
    assert code == 129
    assert said.startswith("invsound: The terminal was closed (SIGHUP).")


def test_the_library_leaves_signals_to_its_caller(tiny, toy, invsound, monkeypatch):
    def never(*arguments):
        pytest.fail("a handler was installed")

    monkeypatch.setattr(signal, "signal", never)
    monkeypatch.setattr(signal, "set_wakeup_fd", never)
    assert invsound(*toy(tiny)).exit_code == 0
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with executor.local(2) as pool:
        assert executor.run_all(pool, math.sqrt, [4.0], lambda task, result: None) == [2.0]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask
