"""Loggers are told of every epoch once, whatever interrupts a run; one that fails ends it with its name, and what was trained is kept."""

import json
from pathlib import Path

import pytest

import invsound as api

LOGGER = '''
import json
from dataclasses import dataclass
from invsound import Logger

@dataclass
class Options:
    """fail: where it raises, an epoch, begin or close"""
    fail: str = ""

class Lines(Logger):
    Options = Options
    def begin(self, config):
        assert list(self.folder.iterdir()) == []
        self.write({"seed": config["seed"]})
        self.fail("begin")
    def log(self, epoch, values):
        self.fail(str(epoch))
        self.write({"epoch": epoch, **values})
    def close(self):
        self.write({"closed": True})
        self.fail("close")
    def write(self, line):
        with (self.folder / "lines").open("a") as file:
            file.write(json.dumps(line) + "\\n")
    def fail(self, where):
        if where == self.options.fail:
            raise OSError(f"no room at {where}")
'''
HOOK = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_loggers():\n    return [Part('lines', 'lines_parts:Lines')]\n"
TOY = ["data.train=8", "data.val=8", "data.test=4", "train.epochs=3", "evaluate.sounds=0", "feature.n_fft=[256]", "train.log=[lines]"]


@pytest.fixture
def synth(tiny, install):
    """A synth, and a logger that writes lines."""
    install("lines-logger", HOOK, lines_parts=LOGGER)
    return tiny


def run(synth, *more, **keywords):
    return api.run(synth, "mss", "ploss", scores=["mss"], overrides=[*TOY, *more], quiet=True, out="run", **keywords)


def logged():
    return [json.loads(line) for line in Path("run/log/lines/lines").read_text().splitlines()]


def told():
    """What metrics.jsonl says of each epoch."""
    lines = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in ("epoch", "val_loss", "lr")} | {"gradient": line["monitor"].get("gradient")} for line in lines]


def heard():
    return [{key: line.get(key) for key in ("epoch", "val_loss", "lr", "gradient")} for line in logged() if "epoch" in line]


def test_every_epoch_is_told_once_between_begin_and_close(synth):
    found = run(synth)
    assert heard() == told()
    assert logged()[0] == {"seed": 0}
    assert logged()[-1] == {"closed": True}
    again = api.run(synth, "mss", "ploss", scores=["mss"], overrides=[*TOY, "train.log=[]"], quiet=True)
    assert again["scores"] == found["scores"]


class Stop(Exception):
    pass


@pytest.mark.parametrize("last", [1, 2])
def test_a_run_that_is_resumed_tells_it_all_again(synth, last):
    def stop(record):
        if record["epoch"] == last:
            raise Stop

    with pytest.raises(Stop):
        run(synth, on_epoch=stop)
    assert [line["epoch"] for line in heard()] == list(range(last + 1))
    assert logged()[-1] == {"closed": True}
    api.resume("run", quiet=True)
    assert heard() == told()
    assert [line["epoch"] for line in heard()] == [0, 1, 2, 3]


@pytest.mark.parametrize(("where", "epochs"), [("begin", 0), ("2", 2), ("close", 3)])
def test_a_logger_that_fails_ends_the_run_with_its_name_and_what_was_trained_is_kept(synth, where, epochs):
    with pytest.raises(
        api.InvsoundError, match=rf"The logger lines \(lines-logger 1.0\) failed. OSError .*no room at {where}.* --resume run"
    ):
        run(synth, "train.log_options={lines: {fail: '" + where + "'}}")
    assert not Path("run/scores.json").exists()
    config = Path("run/config.yaml")
    config.write_text(config.read_text().replace(f"fail: {where}", "fail: ''").replace(f"fail: '{where}'", "fail: ''"))
    assert (len(told()) - 1 if epochs else 0) == epochs
    api.resume("run", quiet=True)
    assert heard() == told()


def test_what_ends_the_training_is_told_and_not_what_a_logger_makes_of_it(synth):
    with pytest.raises(Stop):
        run(synth, "train.log_options={lines: {fail: close}}", on_epoch=lambda record: (_ for _ in ()).throw(Stop))


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("train.log=[line]", "No logger named 'line'. Did you mean 'lines'?"),
        ("train.log=[lines,lines]", "names a logger twice"),
        ("train.log_options={other: {}}", "which train.log does not name"),
        ("train.log_options={lines: {fall: 1}}", "logger lines has no option 'fall'. Did you mean 'fail'?"),
    ],
)
def test_a_wrong_name_or_option_is_told_before_anything_is_made(synth, option, said):
    with pytest.raises(api.UsageError) as error:
        run(synth, option)
    assert said in str(error.value)
    assert not Path("run").exists()
