"""Parts given as classes and objects: a run is that of a plugin's part, is told by what it is, and never takes one class for another."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import yaml

import invsound as api
from invsound.hooks import objects
from invsound.runs import config as configs

TOY = ["data.train=8", "data.val=8", "data.test=4", "train.epochs=2", "train.batch=8", "evaluate.sounds=0", "feature.n_fft=[256]"]


COUNTS = []


def loss(weight=1.0):
    """A class as a notebook has it: the same name, whatever its code."""

    class Mine(api.Loss):
        @dataclass
        class Options:
            """scale: factor"""

            scale: float = 1.0

        def prepare(self, nu):
            sys.modules[__name__].COUNTS.append(len(nu))
            return nu * weight

        def forward(self, nu_hat, nu, side):
            return self.options.scale * (nu_hat - side).square().sum(1)

    return Mine


class Half(api.Loss):
    """½‖ν̂ − ν‖², which is what the core's own does."""

    @dataclass
    class Options:
        pass

    def forward(self, nu_hat, nu, side):
        return 0.5 * (nu_hat - nu).square().sum(1)


class Peak(api.Score):
    """Difference of the peaks."""

    @dataclass
    class Options:
        pass

    def forward(self, x_hat, x):
        return (x_hat.abs().amax(1) - x.abs().amax(1)).abs()


def _config(result):
    return Path(result["folder"], "config.yaml")


def run(synth, **more):
    more = {"feature": "mss", "scores": ["mss"], "quiet": True} | more
    return api.run(synth=synth, overrides=[*TOY, *more.pop("overrides", [])], **more)


def test_a_class_trains_as_a_part_of_a_plugin_does(tiny):
    mine, theirs = run(tiny, loss=Half, scores=[Peak, "mss"]), run(tiny, loss="ploss", scores=[Peak, "mss"])
    assert mine["scores"] == theirs["scores"]
    assert any("Peak" in name for name in mine["scores"])
    text = yaml.safe_load(_config(mine).read_text())
    assert text["parts"]["loss"].startswith(f"{__name__}:Half@")
    told = json.loads(_config(mine).with_name("environment.json").read_text())["given"]["loss"]
    assert told["class"] == f"{__name__}:Half"
    assert told["file"] == __file__
    assert "0.5 *" in told["source"]


def test_options_are_given_as_to_a_named_part(tiny):
    found = run(tiny, loss=loss(), overrides=["loss.scale=3"])
    assert configs.load(_config(found)).of["loss"] == {"scale": 3.0}
    with pytest.raises(api.UsageError, match=r"no option 'scala'.* Did you mean 'scale'"):
        run(tiny, loss=loss(), overrides=["loss.scala=3"])


def test_a_class_of_a_plugin_and_an_object_that_was_made_are_their_names(tiny):
    synth = api.make("synth", tiny, num_samples=300)
    config = configs.load(_config(run(synth, loss=type(api.make("loss", "ploss", problem=None)))))
    assert (config.parts["synth"], config.parts["loss"]) == (tiny, "ploss")
    assert config.of["synth"] == {"num_samples": 300}
    assert configs.load(_config(run(synth, overrides=["synth.num_samples=400"]))).of["synth"] == {"num_samples": 400}


def test_an_object_of_ones_own_is_its_class_with_its_options(tiny):
    synth = api.make("synth", tiny)

    class Own(type(synth)):
        pass

    found = api.match(synth(torch.tensor([[300.0, 0.05]])), 8000, synth=Own(Own.Options(num_samples=512)), feature="mss", quiet=True)
    assert found.parameters["f"] == pytest.approx(300, rel=1e-3)
    assert found.synth.startswith(f"{__name__}:")
    reached = api.radius(Own, "mss", sounds=1, quiet=True)
    assert reached.errors == api.radius(tiny, "mss", sounds=1, quiet=True).errors


def test_an_object_that_was_changed_is_refused(tiny):
    synth = api.make("synth", tiny)
    synth.space = api.Space(api.Parameter("f", "Hz", 100, 500, "log"), synth.space[1])
    with pytest.raises(api.UsageError, match="is not what its class makes of its options"):
        run(synth)


@pytest.mark.parametrize(
    ("part", "said"),
    [(3, "got 3"), (api.Signal, "a class derived from invsound.Loss"), (Peak, "invsound.Loss"), (Half(None, None), "Give its class")],
)
def test_what_is_no_loss_is_refused(part, said, tiny):
    with pytest.raises(api.UsageError, match=said):
        run(tiny, loss=part)


def test_an_edited_class_has_columns_of_its_own(tiny):
    COUNTS.clear()
    for weight, count in ((1.0, 16), (2.0, 32), (1.0, 32)):
        run(tiny, loss=loss(weight))
        assert sum(COUNTS) == count


def test_resuming_asks_for_the_class_again_and_takes_no_other(tiny, invsound, monkeypatch):
    class Stop(Exception):
        pass

    def stop(record):
        raise Stop

    with pytest.raises(Stop):
        run(tiny, loss=Half, out="runs/x", on_epoch=stop)
    whole = run(tiny, loss=Half)
    monkeypatch.setattr(objects, "_known", {})
    told = invsound("run", "--resume", "runs/x")
    assert told.exit_code == 2
    assert "The loss Half was given to Python as a class of" in told.stderr
    assert "invsound.resume(folder, loss=Half)" in told.stderr
    with pytest.raises(api.UsageError, match="has no optimizer sgd"):
        api.resume("runs/x", loss=Half, optimizer="sgd")
    with pytest.raises(api.UsageError, match="has no lost"):
        api.resume("runs/x", lost=Half)
    monkeypatch.setattr(objects, "_known", {})
    with monkeypatch.context() as edited:
        edited.setattr(Half, "prepare", lambda self, nu: nu + 1)
        with pytest.raises(api.UsageError, match=r"The loss Half of .* has changed"):
            api.resume("runs/x", loss=Half)
    assert api.resume("runs/x", loss=Half, quiet=True)["scores"] == whole["scores"]
    assert api.evaluate("runs/x", loss=Half, quiet=True)["scores"] == whole["scores"]


SCRIPT = """
from dataclasses import dataclass
import invsound, sys

class Mine(invsound.Loss):
    @dataclass
    class Options:
        pass
    def prepare(self, nu):
        return 2 * nu
    def forward(self, nu_hat, nu, side):
        return (nu_hat - side).square().sum(1)

if __name__ == "__main__":
    more = ["data.train=16", "data.val=8", "data.test=4", "train.epochs=1", "evaluate.sounds=0", "feature.n_fft=[256]"]
    try:
        print(invsound.run("amfm", "mss", Mine, scores=["mss"], overrides=more, jobs=2, quiet=True)["sound_count"])
    except invsound.UsageError as error:
        print(error)
"""


def test_workers_import_a_class_of_a_script_and_say_so_where_they_cannot(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    found = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, cwd=tmp_path)
    assert found.stdout.strip() == "4", found.stderr
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=tmp_path)
    assert "The loss Mine is known to this session alone" in found.stdout, found.stderr
    assert "jobs=1" in found.stdout
    assert len(list((tmp_path / "runs").iterdir())) == 1
