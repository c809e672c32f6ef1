"""Run folders of strangers and accidents: whatever a file of one holds, commands say which file and what to do, or do without it."""

import json
import os
import shutil
from pathlib import Path

import pytest

FILES = [
    "config.yaml", "metrics.jsonl", "seconds.json", "predictions.csv", "distances.csv", "scores.json", "space.json", "environment.json",
     "encoder.safetensors", "checkpoint/state.safetensors", "checkpoint/seconds.json",
]  # fmt: skip


def gone(file: Path) -> None:
    file.unlink()


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def holding(content: bytes):
    return lambda file: file.write_bytes(content)


def half(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x41
    file.write_bytes(bytes(content))


def wide(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"1", b"1" * 5000))


def other_types(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b": ", b": [").replace(b",", b"],"))


def renamed(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"epoch", b"ep\xc3\xb6ch").replace(b"trained", b"drained").replace(b"index", b"fold"))


def numbers(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"0.", b"1e999"))


ALTERATIONS = {
    "gone": gone, "pipe": pipe, "folder": folder, "half": half, "flipped": flipped, "wide": wide, "types": other_types, "keys": renamed,
    "numbers": numbers, "empty": holding(b""), "null": holding(b"null"), "list": holding(b"[1]"), "number": holding(b"3"),
    "nan": holding(b'{"a": NaN}'), "latin": holding(b"caf\xe9"), "nul": holding(b"\0" * 64), "deep": holding(b"[" * 9999),
    "list of lists": holding(b"[[[]]]\n[[[]]]"), "text": holding(b'"a"'), "table": holding(b"a,a\n1\n"),
    "quote": holding(b'"' + b"a" * 200_000),
}  # fmt: skip


@pytest.fixture
def run(tiny, invsound):
    short = [
        "data.train=4",
        "data.val=2",
        "data.test=2",
        "train.epochs=1",
        "evaluate.scores=[mss]",
        "evaluate.sounds=0",
        "feature.n_fft=[64]",
    ]
    assert invsound("run", "--synth", tiny, "--feature", "mss", *short, "encoder.hop=64", "--jobs", 1, "--out", "run").exit_code == 0
    return Path("run")


def altered(run, files, alterations, every=1):
    """A copy of the run for each alteration of each file, or for one in `every`."""
    pairs = [(file, name) for file in files if (run / file).exists() for name in alterations]
    for file, name in pairs[::every]:
        shutil.rmtree("copy", ignore_errors=True)
        shutil.copytree(run, "copy")
        ALTERATIONS[name](Path("copy", file))
        yield file, name


SOME = pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])


@SOME
def test_compare_says_or_does_without(run, every, invsound):
    for file, how in altered(run, [file for file in FILES if "/" not in file], ALTERATIONS, every):
        result = invsound("compare", "copy", "--json")  # the fixture fails on any traceback
        assert result.exit_code in (0, 1, 2), (file, how)
        assert result.exit_code == 0 or result.stderr.count("copy"), (file, how, result.stderr)


@SOME
def test_going_on_makes_it_whole_or_says_what_to_do(run, every, invsound):
    """What can be computed again is, to the same numbers; the rest is said, with a way on."""
    scores = json.loads((run / "scores.json").read_text())
    for file, how in altered(run, FILES, ["gone", "pipe", "half", "types", "nul"], every):
        if (file, how) == ("config.yaml", "half"):
            continue  # half of the options are options, too: the others have their defaults
        result = invsound("run", "--resume", "copy", "--jobs", 1, "--json")
        if result.exit_code:
            assert file in ("config.yaml", "checkpoint/state.safetensors"), (file, how, result.stderr)
            assert f"copy/{file}" in result.stderr or "no run folder" in result.stderr, (file, how, result.stderr)
            continue
        found = json.loads(result.stdout)
        assert (found["scores"], found["parameters"]) == (scores["scores"], scores["parameters"]), (file, how)
        assert "is finished" in invsound("run", "--resume", "copy").stderr, (file, how)


@SOME
def test_evaluate_needs_the_config_and_the_encoder_alone(run, every, invsound):
    for file, how in altered(run, FILES, ["pipe", "types", "nul"], every):
        result = invsound("evaluate", "copy", "--jobs", 1)
        needed = file in ("config.yaml", "encoder.safetensors")
        assert (result.exit_code == 0) or needed, (file, how, result.stderr)
        assert result.exit_code in ((1, 2) if needed and how != "types" else (0, 1, 2)), (file, how, result.stderr)
