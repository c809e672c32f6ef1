"""Standard output holds results and nothing else, whoever prints; and what the environment says is believed."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from invsound.cli import output
from invsound.system import device as cores
from invsound.system import progress

SCRIPT = Path(sys.executable).with_name("invsound")
NOISE = "import os, subprocess, logging\nprint('printed')\nos.write(1, b'written\\n')\nsubprocess.run(['echo', 'echoed'])\n"
HOOK = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_synths():\n    return [Part('noisy', 'noisy_parts:Tiny')]\n"


def command(*arguments, **environment):
    environment = {key: value for key, value in (os.environ | {"OMP_NUM_THREADS": "1"} | environment).items() if value is not None}
    done = subprocess.run([SCRIPT, *map(str, arguments)], capture_output=True, check=False, env=environment, timeout=120)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


@pytest.fixture
def noisy(install, tiny_source):
    """A synth whose package, constructor and every sound print, by Python, by the system and by a child."""
    loud = "".join(f"        {line}\n" for line in NOISE.splitlines())
    parts = tiny_source.replace("        super().__init__(options)\n", f"        super().__init__(options)\n{loud}")
    parts = parts.replace("        t = torch", f"{loud}        t = torch")
    assert parts.count("printed") == 2
    return install("noisy", f"{NOISE}logging.basicConfig(level=logging.INFO)\n{HOOK}", noisy_parts=NOISE + parts)


def test_a_plugin_that_prints_spoils_no_result(noisy, tmp_path):
    listed = command("list-plugins", "--json", PYTHONPATH=str(noisy))
    assert "noisy" in {row["name"] for row in json.loads(listed.stdout)["parts"]}
    assert {b"printed", b"written", b"echoed"} <= set(listed.stderr.split(b"\n"))
    rendered = command("render", "--synth", "noisy", "--json", "--out", tmp_path / "x.wav", PYTHONPATH=str(noisy))
    assert json.loads(rendered.stdout)["file"] == str(tmp_path / "x.wav")
    assert rendered.stderr.count(b"echoed") == 4  # hook module, module of the part, constructor, forward


def test_a_plugin_that_configures_logging_doubles_no_message_and_workers_do_not_print(noisy, toy):
    arguments = [a for a in toy("noisy", "train.epochs=1", "--out", "run", "--json") if a not in ("--jobs", "1")]
    done = command(*arguments, "--jobs", "2", PYTHONPATH=str(noisy))
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["folder"] == "run"
    assert done.stderr.count(b"Run folder: run") == 1


@pytest.mark.parametrize(
    "encoding", ["ascii", "cp1252", "utf-16", *(pytest.param(name, marks=pytest.mark.slow) for name in ("latin-1", "utf-8"))]
)
def test_an_encoding_that_lacks_a_letter_ends_nothing_in_a_traceback(encoding):
    for arguments in (["run", "--help"], ["list-plugins"], ["list-plugins", "θ"]):
        assert command(*arguments, PYTHONIOENCODING=encoding).returncode in (0, 2)
    listed = json.loads(command("list-plugins", "--json", PYTHONIOENCODING=encoding).stdout.decode(encoding))
    assert any("time–frequency" in row["summary"] for row in listed["parts"])


def test_closed_streams_are_no_error():
    done = subprocess.run(f"{SCRIPT} list-plugins --json 2>&-", shell=True, capture_output=True, check=True)
    assert json.loads(done.stdout)["broken"] == []
    assert subprocess.run(f"{SCRIPT} list-plugins >&- 2>&- <&-", shell=True, check=False).returncode == 0


@pytest.fixture
def compared(write_run, invsound, monkeypatch):
    """What `compare` prints into a pipe, in an environment in which nothing is said of terminals but what is given."""
    for seed in (0, 1):
        for loss in ("ploss", "pnp"):
            write_run(f"runs/{loss}-{seed}", [9.994e-05 * (1 + seed), 1.234e-05], loss=loss, seed=seed)

    def printed(**environment):
        for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TERM", "CI"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        done = invsound("compare", "runs")
        assert done.exit_code == 0
        return done.stdout

    return printed


@pytest.mark.parametrize("columns", [None, "10", "40", "0", "nonsense", "300"])
def test_tables_cut_no_number(columns, compared):
    text = compared(**({} if columns is None else {"COLUMNS": columns}))
    assert "…" not in text
    assert len(re.findall(r"\d\.\d+e-05", text)) >= 4
    lines = {len(line) for line in text.splitlines() if line and set(line) & set("│┃")}
    assert max(lines) > 30
    if columns == "300":
        assert max(lines) <= 300


@pytest.mark.parametrize(("variable", "value", "coloured"), [("FORCE_COLOR", "1", True), ("NO_COLOR", "1", False), ("TERM", "dumb", False)])
def test_colour_is_what_the_environment_asks_for(variable, value, coloured, compared):
    text = compared(**{variable: value})
    assert ("\x1b[" in text) == coloured
    assert "…" not in text


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "watched"),
    [
        (Terminal, {}, True),
        (Terminal, {"TERM": "dumb"}, False),
        (Terminal, {"CI": "true"}, False),
        (Terminal, {"CI": "false"}, True),
        (io.StringIO, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_a_bar_moves_only_where_somebody_looks(stream, environment, watched, monkeypatch, caplog):
    for name in ("CI", "FORCE_COLOR", "TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    written = stream()
    monkeypatch.setattr(sys, "stderr", written)
    caplog.set_level("INFO", logger="invsound")
    with progress.bar("Preparing", 2, "shards") as advance:
        advance(2)
    assert bool(written.getvalue()) == watched


def test_cores_are_those_that_are_allowed_and_allotted(monkeypatch, tmp_path):
    for name in cores.ALLOTTED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "GROUPS", tmp_path)
    monkeypatch.setattr(cores, "_group", lambda: "slice/job")
    assert cores.cores() == 8
    (tmp_path / "slice" / "job").mkdir(parents=True)
    (tmp_path / "slice" / "job" / "cpu.max").write_text("max 100000\n")
    assert cores.cores() == 8
    (tmp_path / "slice" / "cpu.max").write_text("450000 100000\n")
    assert cores.cores() == 5
    (tmp_path / "slice" / "job" / "cpu.max").write_text("50000 100000\n")
    assert cores.cores() == 1
    (tmp_path / "slice" / "job" / "cpu.max").write_text("nonsense")
    for value, allotted in (("3", 3), ("2,1", 2), ("0", 5), ("many", 5), ("64", 5)):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert cores.cores() == allotted
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "2")
    assert cores.cores() == 2
    monkeypatch.delenv("OMP_NUM_THREADS")
    cores.limit_threads()
    assert os.environ["OMP_NUM_THREADS"] == "5"


def test_output_of_a_command_within_a_command_goes_where_it_should(capsys):
    with output.results_alone(), output.results_alone():
        print("noise")
        output.say("a\x1b[2Jresult\nof two lines")
    assert capsys.readouterr() == ("a\\x1b[2Jresult\nof two lines\n", "noise\n")
