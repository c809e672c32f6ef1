"""A file is written whole where its name leads, with the modes that the system gives it; what is no regular file is left alone."""

import os
import stat
import time
from pathlib import Path

import pytest
import soundfile

from invsound import UsageError
from invsound.system.files import writable, write_text


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002, 0o027])
def test_modes_follow_the_umask(umask, tmp_path):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "folder" / "new", "text")
    finally:
        os.umask(before)
    assert mode(tmp_path / "folder" / "new") == 0o666 & ~umask
    assert mode(tmp_path / "folder") == 0o777 & ~umask


def test_a_file_that_is_there_keeps_its_mode(tmp_path):
    (tmp_path / "old").write_text("")
    (tmp_path / "old").chmod(0o604)
    write_text(tmp_path / "old", "new")
    assert ((tmp_path / "old").read_text(), mode(tmp_path / "old")) == ("new", 0o604)


def test_a_link_is_written_through_wherever_it_leads(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").write_text("old")
    for name, target in (("link", "far/file"), ("chain", "link"), ("dangling", "far/other")):
        (tmp_path / name).symlink_to(target)
        write_text(writable(tmp_path / name), name)
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / name).resolve().parent == tmp_path / "far"
        assert (tmp_path / name).read_text() == name
    assert sorted(os.listdir(tmp_path / "far")) == ["file", "other"]


def test_in_a_folder_that_may_be_a_strangers_nothing_is_followed(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "link").symlink_to("mine")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "fifo"):
        write_text(tmp_path / name, "new")
        assert (tmp_path / name).read_text() == "new"
        assert not (tmp_path / name).is_symlink()
    assert (tmp_path / "mine").read_text() == "mine"


def test_render_writes_through_a_link_in_the_format_of_the_links_name(tiny, invsound):
    Path("sound.flac").symlink_to("store.wav")
    assert invsound("render", "--synth", tiny, "--out", "sound.flac").exit_code == 0
    assert Path("sound.flac").is_symlink()
    assert soundfile.info("store.wav").format == "FLAC"


@pytest.fixture
def odd(tmp_path):
    os.mkfifo(tmp_path / "fifo.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "null.wav").symlink_to("/dev/null")
    (tmp_path / "pipe.wav").symlink_to("fifo.wav")
    return ["fifo.wav", "folder.wav", "loop.wav", "null.wav", "pipe.wav", "n" * 300 + ".wav"]


def test_what_is_no_regular_file_is_refused_and_left_as_it_is(odd, tmp_path):
    before = {name: (tmp_path / name).lstat().st_mode for name in odd[:-1]}
    for name in odd:
        with pytest.raises(UsageError, match=r"regular file|a folder|There can be no file"):
            writable(tmp_path / name)
    assert {name: (tmp_path / name).lstat().st_mode for name in odd[:-1]} == before
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_render_says_so_before_it_renders(odd, tiny, invsound, monkeypatch):
    monkeypatch.setattr("invsound.problem.sound", None)
    for name in odd:
        result = invsound("render", "--synth", tiny, "--out", name)
        assert result.exit_code == 2
        assert "Choose another" in result.stderr


def test_a_sound_is_in_the_format_that_its_name_says_or_refused(tiny, invsound):
    for name, format in (("a.wav", "WAV"), ("a.WAV", "WAV"), ("a.flac", "FLAC"), ("a", "WAV"), (".hidden", "WAV")):
        assert invsound("render", "--synth", tiny, "--out", name).exit_code == 0
        assert soundfile.info(name).format == format
    wav, flac = (soundfile.read(name, dtype="float32")[0] for name in ("a.wav", "a.flac"))
    assert abs(wav - flac).max() <= 2**-24
    for name in ("a.mp3", "a.ogg", "a.txt", "a.aiff"):
        result = invsound("render", "--synth", tiny, "--out", name)
        assert result.exit_code == 2
        assert "sounds are written as .wav or .flac" in result.stderr


def test_what_flac_cannot_hold_is_refused(tmp_path):
    from invsound.audio import written

    for x, rate, why in (([0.0, 1.5], 8000, "nothing beyond ±1"), ([0.0, 0.5], 700_000, "does not hold")):
        with pytest.raises(UsageError, match=why):
            written.save(tmp_path / "x.flac", x, rate)
    assert list(tmp_path.iterdir()) == []


def test_equal_sounds_are_equal_files_at_any_time(tiny, invsound):
    for ending in ("wav", "flac"):
        assert invsound("render", "--synth", tiny, "--out", f"one.{ending}").exit_code == 0
    time.sleep(1.1)  # libsndfile puts the second into float WAVs
    for ending in ("wav", "flac"):
        assert invsound("render", "--synth", tiny, "--out", f"two.{ending}").exit_code == 0
        assert Path(f"one.{ending}").read_bytes() == Path(f"two.{ending}").read_bytes()
