"""Sweeps: every combination once, in a folder of its own; nothing twice, nothing lost, and one failure is one failure."""

import json
from pathlib import Path

import pytest
import yaml

import invsound as package
from invsound import UsageError
from invsound.data import columns, shards
from invsound.experiments import sweep as sweeps
from invsound.runs import config
from invsound.runs.naming import file_name, flat, nested, short
from invsound.training.trainer import Trainer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def what(tiny):
    """Two learning rates, two seeds, on the tiny synth."""
    base = {
        "parts": {"synth": tiny, "feature": "mss"},
        "feature": {"n_fft": [256, 64]},
        "data": {"train": 8, "val": 4, "test": 4},
        "train": {"epochs": 2, "batch": 4, "keep": "last"},
        "evaluate": {"scores": ["mss"], "sounds": 0},
    }
    return {"base": base, "grid": {"optimizer.lr": [1e-3, 3e-3]}, "seeds": [0, 1]}


def write(what, name="study.yaml"):
    Path(name).write_text(yaml.safe_dump(what, sort_keys=False))
    return name


def scores():
    return {str(path): path.read_bytes() for path in sorted(Path("runs").rglob("scores.json"))}


def test_a_sweep_runs_every_combination_and_skips_what_is_finished(what, invsound, monkeypatch):
    dry = invsound("sweep", write(what), "--dry-run")
    assert dry.exit_code == 0
    assert [line.split()[0] for line in dry.stdout.splitlines()] == ["new"] * 4
    assert not Path("runs").exists()
    result = invsound("sweep", "study.yaml", "--jobs", 1, "--json")
    assert result.exit_code == 0, result.stderr
    outcomes = json.loads(result.stdout)
    assert [(run["name"], run["seed"], run["state"]) for run in outcomes] == [
        (f"lr={lr}", seed, "finished") for lr in (0.001, 0.003) for seed in (0, 1)
    ]
    assert "4 of 4: lr=0.003, seed 1" in result.stderr
    before = scores()
    assert set(before) == {f"runs/study/lr={lr}/seed-{seed}/scores.json" for lr in (0.001, 0.003) for seed in (0, 1)}
    assert len(set(before.values())) == 4
    monkeypatch.setattr(Trainer, "train_epoch", lambda *_: pytest.fail("everything was finished already"))
    monkeypatch.setattr(columns, "prepare", lambda *_: pytest.fail("everything was finished already"))
    again = invsound("sweep", "study.yaml")
    assert again.exit_code == 0
    assert again.stderr.count("which is finished") == 4
    assert scores() == before


def test_a_run_of_a_sweep_is_that_of_the_command_line(what):
    package.sweep(what | {"grid": {}, "seeds": [3]}, out="swept")
    package.run(config=write(what["base"] | {"seed": 3}, "one.yaml"), out="alone")
    for name in ("config.yaml", "scores.json", "distances.csv"):
        assert Path("swept/base/seed-3", name).read_bytes() == Path("alone", name).read_bytes()


def test_columns_are_prepared_once_for_all_configurations(what, monkeypatch):
    package.sweep(what | {"seeds": [0], "grid": {"optimizer.lr": [1e-3]}}, out="first")
    monkeypatch.setattr(shards, "compute_shard", lambda task: pytest.fail("everything was prepared already"))
    package.sweep(what | {"seeds": [0]}, out="second")


def test_an_interrupted_sweep_goes_on_from_the_epoch_it_was_in(what, invsound, monkeypatch):
    write(what)
    assert invsound("sweep", "study.yaml", "--jobs", 1, "--out", "runs/whole").exit_code == 0
    original, epochs = Trainer.train_epoch, []

    def interrupted(self, fold):
        epochs.append(self.epoch)
        if len(epochs) == 4:
            raise KeyboardInterrupt
        return original(self, fold)

    monkeypatch.setattr(Trainer, "train_epoch", interrupted)
    cut = invsound("sweep", "study.yaml", "--jobs", 1, "--out", "runs/cut")
    assert cut.exit_code == 130
    assert "goes on from here" in cut.stderr
    planned = invsound("sweep", "study.yaml", "--out", "runs/cut", "--dry-run")
    assert [line.split()[0] for line in planned.stdout.splitlines()] == ["finished", "begun", "new", "new"]
    resumed = invsound("sweep", "study.yaml", "--jobs", 1, "--out", "runs/cut")
    assert resumed.exit_code == 0, resumed.stderr
    assert "Resuming after epoch 1 of 2" in resumed.stderr
    assert epochs == [1, 2, 1, 2, 2, 1, 2, 1, 2]
    for path, found in scores().items():
        assert scores()[path.replace("whole", "cut")] == found


def test_changed_options_are_said_before_any_work(what, monkeypatch):
    package.sweep(what | {"seeds": [0]}, out="out")
    monkeypatch.setattr(columns, "prepare", lambda *_: pytest.fail("nothing may begin"))
    what["base"]["train"]["epochs"] = 3
    with pytest.raises(UsageError, match=r"lr=0.001/seed-0' was begun with other options: train.epochs was 2 and is 3 now"):
        package.sweep(what | {"seeds": [1, 0]}, out="out")
    assert not Path("out/lr=0.001/seed-1").exists()


def test_a_failed_configuration_does_not_stop_the_others(what, invsound, monkeypatch):
    original = Trainer.train_epoch

    def failing(self, fold):
        if self.optimizer.param_groups[0]["lr"] == 1e-3 and self.seed == 0:
            raise RuntimeError("a part fell over")
        return original(self, fold)

    monkeypatch.setattr(Trainer, "train_epoch", failing)
    result = invsound("sweep", write(what), "--jobs", 1)
    assert result.exit_code == 1
    assert "Failed: lr=0.001, seed 0: RuntimeError: a part fell over" in result.stderr
    assert "1 of 4 runs failed" in result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["failed", "finished", "finished", "finished"]
    monkeypatch.setattr(Trainer, "train_epoch", original)
    assert invsound("sweep", "study.yaml", "--jobs", 1).exit_code == 0
    assert len(scores()) == 4


def test_configurations_times_grid_times_seeds(what):
    named = {"plain": None, "long": {"train.epochs": 5}, "nested": {"train": {"epochs": 7}, "parts.loss": "pnp"}}
    runs = sweeps.plan(what | {"configurations": named, "seeds": [4, 2]})
    assert [(run.name, run.seed) for run in runs] == [
        (f"{name}, lr={lr}", seed) for name in named for lr in (0.001, 0.003) for seed in (4, 2)
    ]
    assert [run.config.train.epochs for run in runs[::4]] == [2, 5, 7]
    assert [run.config.parts["loss"] for run in runs[::4]] == ["ploss", "ploss", "pnp"]
    assert runs[0].folder == Path("runs/sweep/plain,lr=0.001/seed-4")
    assert runs[-1].config == config.resolve(
        what["base"], {"parts": {"loss": "pnp"}, "train": {"epochs": 7}, "optimizer": {"lr": 3e-3}, "seed": 2}
    )


def test_a_preset_is_an_option_of_the_base(what):
    (run,) = sweeps.plan({"base": what["base"] | {"preset": "paper", "data": {}}})
    assert run.config.train.examples == 25600
    assert run.config.train.epochs == 2
    assert (run.name, run.seed) == ("base", 0)


def test_preset_seeds_and_options_from_the_command_line_hold_for_every_run(what, invsound):
    what["grid"]["train.epochs"] = [2, 3]
    runs = sweeps.plan(what, preset="paper", seeds=[7], overrides=["data.train=5", "optimizer.beta1=0.5"])
    assert [(run.seed, run.config.train.epochs) for run in runs] == [(7, 2), (7, 3)] * 2
    assert {run.config.parts["encoder"] for run in runs} == {"efficientnet-b0"}
    assert {(run.config.data.train, run.config.data.val, run.config.of["optimizer"]["beta1"]) for run in runs} == {(5, 4, 0.5)}
    dry = invsound("sweep", write(what), "--preset", "quick", "--seed", 1, "--seed", 2, "data.train=6", "--dry-run", "--json")
    planned = json.loads(dry.stdout)
    assert [run["seed"] for run in planned] == [1, 2] * 4
    assert planned[0]["folder"] == "runs/study-quick/lr=0.001,epochs=2/seed-1"
    assert invsound("sweep", "study.yaml", "--preset", "quik").exit_code == 2
    assert invsound("sweep", "study.yaml", "data.trian=6").exit_code == 2


def test_only_the_configurations_that_are_named(what, invsound):
    what["configurations"] = {"plain": {}, "long": {"train.epochs": 7}}
    what["grid"] = {}
    assert [(run.name, run.seed) for run in sweeps.plan(what, seeds=[3], only=["long"])] == [("long", 3)]
    dry = invsound("sweep", write(what), "--only", "long", "--only", "plain", "--seed", 1, "--dry-run", "--json")
    assert [run["name"] for run in json.loads(dry.stdout)] == ["plain", "long"]
    wrong = invsound("sweep", "study.yaml", "--only", "lnog", "--dry-run")
    assert (wrong.exit_code, "Did you mean 'long'? Available: plain, long" in wrong.stderr) == (2, True), wrong.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"grids": {}}, "Did you mean 'grid'"),
        ({"grid": {"train.epoch": [1]}}, "Did you mean 'epochs'"),
        ({"grid": {"train.epochs": ["many"]}}, "train: option epochs takes an int, got 'many'"),
        ({"grid": {"parts.loss": ["ploss", "plos"]}}, "loss=plos: No loss named 'plos'"),
        ({"grid": {"train.epochs": 3}}, "takes a list of values"),
        ({"grid": {"train.epochs": []}}, "takes a list of values"),
        ({"grid": {"train.epochs": [3, 3]}}, "twice"),
        ({"grid": [1]}, "grid of a sweep is a mapping"),
        ({"configurations": {"a": 3}}, "a is a mapping of options"),
        ({"seeds": []}, "list of whole numbers"),
        ({"seeds": 3}, "list of whole numbers"),
        ({"seeds": [True]}, "list of whole numbers"),
        ({"seeds": [1, 1]}, "twice"),
        ({"seeds": [-1]}, "seed is a whole number"),
        ({"grid": {"seed": [1, 2]}}, "its own key"),
        ({"base": {"preset": "papper"}}, "Did you mean 'paper'"),
    ],
)
def test_mistakes_are_said_before_any_work(what, change, said, invsound):
    result = invsound("sweep", write(what | change))
    assert result.exit_code == 2, result.stderr
    assert said in result.stderr
    assert not Path("runs").exists()


def test_a_missing_file_and_a_wrong_device_are_said(what, invsound):
    missing = invsound("sweep", "nowhere.yaml")
    assert (missing.exit_code, "no sweep file 'nowhere.yaml'" in missing.stderr) == (2, True)
    assert invsound("sweep", write(what), "--device", "abacus").exit_code == 2
    assert not Path("runs").exists()


def test_names():
    assert flat(nested({"a.b": 1, "a.c": {"d.e": [2]}, "f": {}})) == {"a.b": 1, "a.c.d.e": [2]}
    assert short(["parts.loss", "optimizer.lr"]) == {"parts.loss": "loss", "optimizer.lr": "lr"}
    assert short(["parts.loss", "x.loss", "J"]) == {"parts.loss": "loss", "x.loss": "x.loss", "J": "J"}
    assert file_name("loss=a, lr=0.001") == "loss=a,lr=0.001"
    odd = ["..", "../up", "a/b", "a_b", "a:b", "x" * 300, "x" * 301, "-x", "csv=/home/me/table.csv"]
    assert len({file_name(name) for name in odd}) == len(odd)
    assert not any("/" in file_name(name) or file_name(name).startswith((".", "-")) for name in odd)
    assert all(len(file_name(name)) <= 100 for name in odd)


def test_the_example_is_a_sweep():
    runs = sweeps.plan(ROOT / "examples" / "sweep.yaml")
    assert len(runs) == 12
    assert len({run.folder for run in runs}) == 12
