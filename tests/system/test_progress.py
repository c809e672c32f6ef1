"""Progress in scripts: shown as on a terminal, off by one argument, and whoever has configured logging is left alone."""

import io
import logging
import os
import subprocess
import sys
import types

import pytest

from invsound.system import progress

SCRIPT = """
import logging, sys
if "basic" in sys.argv:
    logging.basicConfig(level=logging.WARNING, format="mine %(message)s")
import invsound
if __name__ == "__main__":
    seen = []
    invsound.run("tiny", "mss", "pnp", overrides={toy!r}, out="run", quiet="quiet" in sys.argv, on_epoch=seen.append)
    print([epoch["epoch"] for epoch in seen], sorted(seen[0]))
"""


@pytest.fixture
def script(tiny, tmp_path, toy):
    """A script that trains for two epochs, in a process of its own."""
    overrides = [a for a in toy(tiny, "train.epochs=2") if "=" in str(a)]
    (tmp_path / "script.py").write_text(SCRIPT.replace("{toy!r}", repr(overrides)))
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])

    def call(*arguments):
        return subprocess.run(
            [sys.executable, "script.py", *arguments], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, timeout=120
        )

    return call


def test_a_script_shows_what_the_command_line_shows_and_gets_every_epoch(script):
    done = script()
    assert done.returncode == 0, done.stderr
    assert "Run folder: run\nPreparing encoder inputs (" in done.stderr
    assert done.stdout.startswith("[1, 2] ['epoch', 'lr', 'monitor', 'seconds', 'steps', 'train_loss', 'val_loss']")


@pytest.mark.parametrize("argument", ["quiet", "basic"])
def test_one_argument_or_a_logging_of_ones_own_is_obeyed(argument, script):
    done = script(argument)
    assert done.returncode == 0, done.stderr
    assert "Preparing" not in done.stderr
    assert "Run folder" not in done.stderr


def test_inside_the_block_alone(monkeypatch):
    bare = io.StringIO()
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in a fresh process
    monkeypatch.setattr(progress.log, "handlers", [])
    progress.log.setLevel(logging.NOTSET)
    monkeypatch.setattr(sys, "stderr", bare)
    with progress.shown():
        progress.log.info("inside")
        with progress.shown():
            progress.log.info("within")
    with progress.shown(quiet=True):
        progress.log.info("quiet")
        progress.log.warning("warned")
    assert bare.getvalue() == "inside\nwithin\nwarned\n"
    assert (progress.log.handlers, progress.log.level) == ([], logging.NOTSET)


def test_what_is_left_is_told_of_each_stage_by_its_own_pace():
    told = {}

    class Bars:
        def __init__(self):
            self.tasks = []

        def add_task(self, name, total, left):
            self.tasks.append(type("Task", (), {"name": name, "completed": 0})())
            return len(self.tasks) - 1

        @property
        def task_ids(self):
            return list(range(len(self.tasks)))

        def update(self, task, advance, left):
            self.tasks[task].completed += advance
            told[self.tasks[task].name] = left

    from contextlib import nullcontext

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "_bars", lambda unit: nullcontext(Bars()))
        with progress.stages({"cheap": 16, "costly": 64}, "sounds", workers=2) as advance:
            advance("cheap", 8, 0.08)
            assert told == {"cheap (1 of 2)": "0:00:00"}
            advance("costly", 8, 80.0)  # 10 s each, 56 of them left, two at once
            assert told["costly (2 of 2)"] == "0:04:40"
            advance("costly", 56, 560.0)
            assert told["costly (2 of 2)"] == "0:00:00"


def test_bars_of_a_notebook_are_drawn_in_its_cell_where_they_move(monkeypatch):
    pages = []

    def display(page, display_id):
        pages.append(page)
        return types.SimpleNamespace(update=pages.append)

    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(HTML=str, display=display))
    with progress.shown(quiet=True), progress.bar("quiet", 3) as advance:
        advance(1)
    assert pages == []
    monkeypatch.setattr(progress.log, "level", logging.INFO)
    with progress.stages({"<first>": 4, "second": 2}, "sounds", workers=1) as advance:
        advance("<first>", 2, 6.0)
        advance("second", 1, 1.0)
    assert pages[0].startswith(
        '<div>&lt;first&gt; (1 of 2) <progress max="4" value="2"></progress> 2/4 sounds, 0:00:00, left 0:00:06</div>'
    )
    assert 'value="1"' in pages[-1]
    assert 2 <= len(pages) <= 3
    del shell.kernel
    with progress.bar("a terminal of IPython", 3) as advance:
        advance(1)
    assert 2 <= len(pages) <= 3
