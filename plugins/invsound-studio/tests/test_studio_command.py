"""`invsound studio` as a process: it says where it is, ends quietly, and leaves nobody behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from invsound.testing import CommandContract

SETTING = {"synth": "bell", "feature": "mss", "solver": "", "lines": ["feature.n_fft=[256]", "match.candidates=8"]}


class TestStudio(CommandContract):
    part = "studio"


def heard():
    """Tests that a shell runs in the background have inherited that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def served(strangers):
    """The process, and its address."""
    command = [sys.executable, "-m", "invsound", "studio", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard)
    address = re.fullmatch(r"The studio is at (http://127\.0\.0\.1:\d+/\?token=[\w-]{32})\n", process.stderr.readline())[1]
    yield process, address
    process.kill()
    process.communicate()


def asked(address, path, **json):
    base, _, token = address.partition("?token=")
    headers = {"X-Invsound-Token": token, "X-Invsound-Tab": "only-tab"}
    content = json.pop("content", None)
    more = {"content": content} if content is not None else {"json": json}
    return httpx2.post(f"{base}api/{path}", headers=headers, timeout=60, **more).json()


def children(pid):
    """Processes that descend from one, by /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # gone
            continue
    found, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def begun(address, wav):
    """A search that is under way."""
    import numpy as np

    sound = asked(address, "sounds?name=noise.wav", content=wav(np.random.default_rng(0).standard_normal(2048) / 4))["id"]
    asked(address, "searches", setting=SETTING, target={"sound": sound}, budget="5min")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_quietly_in_the_midst_of_a_search(number, served, wav):
    process, address = served
    begun(address, wav)
    assert httpx2.get(address).status_code == 200
    process.send_signal(number)
    process.wait(120)
    assert (process.returncode, process.stdout.read(), process.stderr.read()) == (0, "", "Ctrl-C ends it.\n")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_server_that_is_killed_leaves_nobody(served, wav):
    process, address = served
    begun(address, wav)
    until = time.monotonic() + 120
    while len(left := children(process.pid)) < 2:  # one reads sounds, one searches, and it is being started
        assert time.monotonic() < until, "nobody searches"
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until = time.monotonic() + 120
    while any(Path(f"/proc/{pid}").exists() and "Z" not in _state(pid) for pid in left):
        assert time.monotonic() < until, "somebody is left"
        time.sleep(0.1)


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize(("options", "said"), [(["--run", "nowhere"], "'nowhere' is no run folder"), (["--port", "x"], "--port")])
def test_a_mistake_is_a_line(options, said, strangers):
    done = subprocess.run(
        [sys.executable, "-m", "invsound", "studio", "--no-browser", *options], capture_output=True, text=True, check=False
    )
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_a_port_that_is_taken_is_said(served, strangers):
    port = served[1].split(":")[2].partition("/")[0]
    done = subprocess.run([sys.executable, "-m", "invsound", "studio", "--port", port], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be had" in done.stderr


def test_help_needs_neither_the_server_nor_torch():
    code = "import sys; sys.argv[1:] = ['studio', '--help']\nfrom invsound.cli import main\n"
    code += "try: main()\nexcept SystemExit as e: assert not e.code\n"
    code += "assert not {'torch', 'numpy', 'starlette', 'uvicorn'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, "--no-browser" in done.stdout) == (0, True), done.stderr


def test_the_core_does_not_import_it():
    core = Path(sys.modules["invsound"].__file__).parent
    assert [str(path) for path in core.rglob("*.py") if "invsound_studio" in path.read_text()] == []
