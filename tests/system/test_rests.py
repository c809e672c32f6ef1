"""What killed writers leave is removed, what living ones write is not."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from invsound import InvsoundError
from invsound.data.store import Store
from invsound.system.files import atomic, is_rest, make_folder, remove_rests, write_text

WRITER = """
import sys
from pathlib import Path
from invsound.system.files import atomic
with atomic(Path("cache/ab/column")) as path:
    path.write_text("half")
    print(path.name, flush=True)
    sys.stdin.readline()
    path.write_text("whole")
"""


@pytest.fixture
def writer():
    """A process in the middle of writing cache/ab/column."""
    process = subprocess.Popen([sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def rests(folder):
    return [path for path in Path(folder).rglob("*") if is_rest(path)]


def test_the_rest_of_a_killed_writer_is_removed_and_what_a_living_one_writes_is_not(writer):
    name = writer.stdout.readline().strip()
    assert is_rest(Path(name))
    remove_rests(Path("cache"))
    remove_rests(Path("cache/ab"))
    assert [path.name for path in rests("cache")] == [name]
    os.kill(writer.pid, signal.SIGSTOP)
    remove_rests(Path("cache"))
    os.kill(writer.pid, signal.SIGCONT)
    assert [path.name for path in rests("cache")] == [name]
    writer.communicate("\n")
    assert (Path("cache/ab/column").read_text(), rests("cache")) == ("whole", [])


def test_the_next_start_removes_what_a_killed_one_left(writer, tiny, toy, invsound, tmp_path):
    writer.stdout.readline()
    writer.kill()
    writer.wait()
    write_text(Path("run/.0a1b2c3_.part"), "half a config.yaml")
    assert len(rests(tmp_path)) == 2
    assert invsound(*toy(tiny, "--out", "run")).exit_code == 0
    assert rests(tmp_path) == []
    Path("run/scores.json").unlink()
    for place in ("run", "run/checkpoint", "run/audio", "cache", "cache/ab"):
        write_text(Path(place, ".0a1b2c3_.part"), "half")
    assert invsound("run", "--resume", "run", "--jobs", 1).exit_code == 0
    assert rests(tmp_path) == []


def test_what_only_looks_like_a_rest_is_left(tmp_path):
    names = [".film.mkv.part", "0a1b2c3d.part", ".0A1B2C3D.part", ".0a1b2c3d.part.txt", ".0a1b2c3d"]
    for name in names:
        (tmp_path / name).write_text("a stranger's")
    (tmp_path / "target").write_text("a stranger's")
    (tmp_path / ".01234567.part").symlink_to("target")
    os.mkfifo(tmp_path / ".89abcdef.part")
    remove_rests(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {*names, "target", ".01234567.part"}


def test_a_file_that_is_removed_before_its_writer_holds_it_is_made_again(tmp_path, monkeypatch):
    made, open_file = [], os.open

    def interrupted(path, flags, *mode, **where):
        handle = open_file(path, flags, *mode, **where)
        if flags & os.O_EXCL:
            made.append(path)
            if len(made) == 1:
                remove_rests(tmp_path)
                assert not Path(path).exists()
        return handle

    monkeypatch.setattr(os, "open", interrupted)
    write_text(tmp_path / "file", "whole")
    assert len(made) == 2
    assert (tmp_path / "file").read_text() == "whole"
    assert rests(tmp_path) == []


def test_a_block_that_fails_leaves_what_was_there():
    write_text(Path("file"), "old")
    with contextlib.suppress(KeyError), atomic(Path("file")) as path:
        path.write_text("new")
        raise KeyError
    assert (Path("file").read_text(), rests(".")) == ("old", [])


def test_a_folder_is_made_once(tmp_path):
    assert make_folder(tmp_path / "a" / "b")
    assert not make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("")
    with pytest.raises(InvsoundError, match="Cannot write"):
        make_folder(tmp_path / "file" / "b")


def test_a_store_that_is_not_there_holds_no_rests(tmp_path):
    remove_rests(Store(tmp_path / "nowhere").root)
    assert not (tmp_path / "nowhere").exists()
