"""What a run reads from outside is kept in its folder: it may move or change, and the run is still the whole truth."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

SHORT = ["train.epochs=1", "evaluate.scores=[mss]", "evaluate.sounds=0", "feature.n_fft=[64]", "encoder.hop=64", "--jobs", "1"]
FEW = ["data.train=4", "data.val=2", "data.test=2"]


def sound(path, frequency=440.0):
    t = np.arange(4000) / 8000
    soundfile.write(path, 0.5 * np.exp(-20 * t) * np.sin(2 * np.pi * frequency * t), 8000)
    return path


@pytest.fixture
def call(invsound):
    def checked(*arguments):
        result = invsound(*arguments)
        assert result.exit_code == 0, result.stderr
        return result

    return checked


def test_a_recording_that_moved_is_heard_as_it_was(tiny, call):
    sound("tom.wav")
    first = json.loads(
        call("run", "--synth", tiny, "--feature", "mss", *FEW, *SHORT, "--target", "tom.wav", "--out", "run", "--json").stdout
    )
    Path("tom.wav").unlink()
    shutil.move("run", "elsewhere")
    again = json.loads(call("evaluate", "elsewhere", "--jobs", 1, "--json").stdout)
    assert again["targets"] == first["targets"]
    new = call("run", "--config", "elsewhere/config.yaml", "--out", "third", "--jobs", 1, "--json")
    assert json.loads(new.stdout)["targets"] == first["targets"]


def test_recordings_come_to_those_that_are_there_and_are_read_again_when_named(tiny, call):
    sound("a.wav")
    call("run", "--synth", tiny, "--feature", "mss", *FEW, *SHORT, "--target", "a.wav", "--out", "run")
    sound("b.wav", 300)
    both = json.loads(call("evaluate", "run", "b.wav", "--jobs", 1, "--json").stdout)["targets"]
    assert [target["name"] for target in both] == ["a", "b"]
    assert {path.name for path in Path("run/audio").iterdir()} == {f"{n}-{what}.wav" for n in "ab" for what in ("target", "reconstruction")}
    sound("a.wav", 300)
    kept = json.loads(call("evaluate", "run", "--jobs", 1, "--json").stdout)["targets"]
    assert kept == both
    again = json.loads(call("evaluate", "run", "a.wav", "--jobs", 1, "--json").stdout)["targets"]
    assert again[0]["scores"] == again[1]["scores"] != both[0]["scores"]


def test_a_table_is_kept(tiny, call, invsound):
    rows = "".join(f"{200 + 50 * i},0.05,{fold}\n" for i, fold in enumerate(["train"] * 4 + ["val"] * 2 + ["test"] * 2))
    Path("drums.csv").write_text("f,tau,fold\n" + rows)
    first = call("run", "--synth", tiny, "--feature", "mss", "data.design=csv", "data.csv=drums.csv", *SHORT, "--out", "run", "--json")
    Path("drums.csv").unlink()
    shutil.move("run", "elsewhere")
    again = call("evaluate", "elsewhere", "--jobs", 1, "--json")
    assert json.loads(again.stdout)["scores"] == json.loads(first.stdout)["scores"]
    Path("elsewhere/table.csv").write_text("f,tau,fold\n" + rows.replace("0.05", "0.06"))
    changed = invsound("evaluate", "elsewhere", "--jobs", 1)
    assert (changed.exit_code, "missing or damaged, and the table is gone" in changed.stderr) == (2, True), changed.stderr


def test_a_strangers_config_reads_nothing_without_a_word(tiny, call):
    sound("tom.wav")
    call("run", "--synth", tiny, "--feature", "mss", *FEW, *SHORT, "--target", "tom.wav", "--out", "run")
    listed = json.loads(Path("run/inputs.json").read_text())
    listed["recordings"][0]["name"] = "../../outside"
    Path("run/inputs.json").write_text(json.dumps(listed))
    result = call("evaluate", "run", "--jobs", 1)
    assert "is no name of a sound" in result.stderr
    assert "Reading the recording" in result.stderr
    assert not Path("../outside-target.wav").exists()
