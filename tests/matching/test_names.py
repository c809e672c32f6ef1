"""Sounds of any name: what cannot be read is one row of the table, and the others go on."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from invsound import UsageError
from invsound.audio import recording
from invsound.cli.common import sort_arguments

HOW = [
    "--synth",
    "tiny",
    "--feature",
    "mss",
    "feature.n_fft=[256]",
    "--candidates",
    "4",
    "--evaluations",
    "20",
    "--no-survey",
    "--jobs",
    "1",
]


def write(name):
    t = np.arange(512) / 8000
    with open(name, "wb") as file:
        soundfile.write(file, np.exp(-t / 0.03) * np.sin(2 * np.pi * 440 * t), 8000, format="WAV", subtype="FLOAT")
    return os.fsdecode(name)


ODD = [
    b"caf\xe9.wav",
    b"take=1.wav",
    b"seed=2.wav",
    b"a b\t\x1b[31m\n.wav",
    "ü\u202e.wav".encode(),
    b"n" * 251 + b".wav",
    b"-x.wav",
    b".wav",
    b"%s{}$(x).wav",
]
REFUSED = ["no/such.wav", "n" * 300 + ".wav", "file.txt/x.wav", "loop/x.wav", "folder.wav", "fifo.wav"]


@pytest.fixture
def odd(tiny):
    Path("file.txt").write_text("")
    Path("loop").symlink_to("loop")
    Path("folder.wav").mkdir()
    os.mkfifo("fifo.wav")
    return [write(name) for name in ODD]


def test_every_name_is_matched_or_refused_in_the_table(odd, invsound):
    result = invsound("match", *HOW, "--out", "found", "--json", "--", *odd, *REFUSED)
    assert result.exit_code == 1
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows[: len(odd)]] == odd
    assert [row.get("error") for row in rows[: len(odd)]] == [None] * len(odd)
    assert len({json.dumps(row["parameters"]) for row in rows[: len(odd)]}) == 1
    assert all("Cannot read" in row["error"] for row in rows[len(odd) :])
    assert json.loads(Path("found/matches.json").read_text()) == rows
    assert len(Path("found/matches.csv").read_text().splitlines()) >= 1 + len(rows)
    assert not {"\x1b", "\u202e"} & set(result.stdout + result.stderr)


def test_a_file_that_is_there_needs_no_dashes_unless_it_is_called_like_an_option(odd, invsound):
    result = invsound("match", "take=1.wav", *HOW)
    assert result.exit_code == 0, result.stderr
    assert Path("runs/match-take_1/match.json").exists()
    assert sort_arguments(["take=1.wav", "seed=2.wav", "gone=3.wav"], files="SOUND") == (["seed=2.wav", "gone=3.wav"], ["take=1.wav"])
    assert invsound("match", *HOW, "--", "seed=2.wav").exit_code == 0


@pytest.mark.parametrize("name", [b"caf\xe9.wav", b"n" * 251 + b".wav", b"\n.wav"])
def test_one_sound_of_any_name_has_a_folder(name, tiny, invsound):
    result = invsound("match", write(name), *HOW)
    assert result.exit_code == 0, result.stderr
    (folder,) = Path("runs").iterdir()
    assert (folder / "match.html").exists()


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_system_refuses_is_a_usage_error(name, odd, tiny_source):
    from invsound import Signal

    with pytest.raises(UsageError, match="Cannot read"):
        recording.load(name, Signal(8000, 512))


def test_a_folder_that_may_not_be_entered_is_said(odd, invsound, monkeypatch):
    Path("shut").mkdir(mode=0)
    stat = os.stat

    def refused(path, *more, **how):
        if "shut/" in str(path):  # root may enter every folder
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *more, **how)

    monkeypatch.setattr(os, "stat", refused)
    result = invsound("match", *HOW, "--json", odd[1], "shut/x.wav")
    assert result.exit_code == 1
    assert [row.get("error", "")[-30:] for row in json.loads(result.stdout)] == ["", "shut/x.wav: Permission denied."]


def test_targets_of_a_run_have_any_name_and_come_back_from_its_config(odd, invsound, toy):
    result = invsound(*toy("tiny", "train.epochs=1", "--out", "run"), "--target", odd[0], "--target", odd[1], "--target", odd[3])
    assert result.exit_code == 0, result.stderr
    assert [target["name"] for target in json.loads(Path("run/scores.json").read_text())["targets"]] == ["caf_", "take_1", "a_b___31m_"]
    again = invsound("evaluate", "run", "--jobs", "1")
    assert again.exit_code == 0, again.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["match", "x.wav", "--encoder", "{}"], ["run", "--config", "{}"], ["run", "train.start={}"], ["run", "--out", "{}"],
        ["run", "--resume", "{}"], ["run", "data.design=csv", "data.csv={}"], ["evaluate", "{}"], ["compare", "{}"], ["sweep", "{}"],
        ["new-plugin", "invsound-x", "--out", "{}"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_name_that_the_system_refuses_is_a_usage_error_wherever_one_is_taken(arguments, tiny, invsound):
    parts = ["--synth", tiny, "--feature", "mss"] if arguments[0] in ("run", "match") and "--resume" not in arguments else []
    result = invsound(*(argument.format("n" * 300) for argument in arguments), *parts)
    assert result.exit_code == 2
    assert "n" * 300 in result.stderr
