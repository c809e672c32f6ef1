"""What an ablation changes, and what it must not: coordinates, pretraining, and the published experiments as files."""

import csv
import json
from pathlib import Path

import pytest
import torch

from invsound import UsageError
from invsound.data import shards
from invsound.experiments import sweep as sweeps
from invsound.hooks import options, registry
from invsound.runs import config
from invsound.runs.parts import Parts
from invsound.training.step import Step
from invsound.training.trainer import Trainer

TOY = ["data.train=16", "data.val=8", "data.test=4", "train.epochs=3", "train.batch=8", "evaluate.sounds=1", "evaluate.scores=[mss]"]
SMALL = ["feature.n_fft=[256,64]"]
RAW = ["space.scale=linear", "space.normalize=none"]


def toy(synth, *more, loss="pnp"):
    return ["run", "--synth", synth, "--feature", "mss", "--loss", loss, "--jobs", "1", *TOY, *SMALL, *more]


def parts(synth, *overrides, loss="pnp"):
    layers = [{"parts": {"synth": synth, "feature": "mss", "loss": loss}}, options.from_overrides([*TOY, *SMALL, *overrides])]
    return Parts(config.resolve(*layers))


def rows(folder, name="predictions.csv"):
    return list(csv.DictReader(Path(folder, name).read_text().splitlines()))


def scores(folder):
    return json.loads(Path(folder, "scores.json").read_text())


COORDINATES = [[], ["space.scale=linear"], ["space.normalize=none"], RAW, ["space.scale=log"]]


@pytest.mark.parametrize("overrides", COORDINATES)
def test_the_jacobian_obeys_the_chain_rule(tiny, overrides):
    own, other = parts(tiny), parts(tiny, *overrides)
    nu = torch.tensor([[0.3, -0.2], [-0.8, 0.6]], dtype=torch.float64)
    there = other.learned(nu)
    torch.testing.assert_close(other.declared(there), nu)
    torch.testing.assert_close(other.problem(there), own.problem(nu))
    change = torch.func.vmap(torch.func.jacfwd(lambda row: other.synth.space.to_nu(other.space.to_theta(row))))(there)
    torch.testing.assert_close(other.problem.jacobian(there), own.problem.jacobian(nu) @ change)


@pytest.mark.parametrize("overrides", COORDINATES)
def test_finite_differences_are_the_jacobian_in_any_coordinates(tiny, overrides):
    exact, finite = (parts(tiny, *overrides, f"problem.jacobian={how}", "problem.step=1e-6").problem for how in ("forward", "finite"))
    low, high = exact.space.bounds(torch.zeros(2, dtype=torch.float64))
    nu = torch.stack([low, high, (low + high) / 2])
    J = exact.jacobian(nu)
    torch.testing.assert_close(
        finite.jacobian(nu) * (high - low), J * (high - low), rtol=1e-3, atol=1e-3 * float((J * (high - low)).abs().max())
    )


@pytest.mark.parametrize("overrides", COORDINATES)
def test_the_undamped_metric_is_the_same_in_any_coordinates_near_the_truth(tiny, overrides):
    own, other = parts(tiny, "loss.scale=1.0"), parts(tiny, *overrides, "loss.scale=1.0")
    nu = torch.tensor([[0.3, -0.2], [-0.8, 0.6]], dtype=torch.float64)
    near = nu + 1e-6 * torch.tensor([[1.0, -1.0], [0.5, 1.0]], dtype=torch.float64)
    values = [p.loss.eval()(p.learned(near), p.learned(nu), p.loss.prepare(p.learned(nu))) for p in (own, other)]
    torch.testing.assert_close(values[1], values[0], rtol=1e-4, atol=0)


def test_an_encoder_says_nothing_that_the_synth_cannot_make(tiny):
    made = parts(tiny, *RAW)
    encoder = made.encoder().train()
    inputs = encoder.prepare(torch.randn(6, 512, generator=torch.Generator().manual_seed(0)) * 100)
    theta = made.space.to_theta(encoder(inputs))
    low, high = made.space.bounds(theta)
    assert ((theta >= low) & (theta <= high)).all()
    torch.testing.assert_close(low, torch.tensor([100.0, 0.01]))
    assert float(theta.detach()[:, 0].std()) > 1  # in Hz


def test_rescaling_changes_training_and_not_the_sounds(tiny, invsound, monkeypatch):
    assert invsound(*toy(tiny, "--out", "own")).exit_code == 0
    prepared, compute = [], shards.compute_shard
    monkeypatch.setattr(shards, "compute_shard", lambda task: (prepared.append(task.column), compute(task))[1])
    result = invsound(*toy(tiny, *RAW, "--out", "raw"))
    assert result.exit_code == 0, result.stderr
    assert set(prepared) == {"side"}
    assert [(row["true_f"], row["true_tau"]) for row in rows("raw")] == [(row["true_f"], row["true_tau"]) for row in rows("own")]
    assert [row["predicted_f"] for row in rows("raw")] != [row["predicted_f"] for row in rows("own")]
    for name, found in scores("raw")["parameters"].items():
        true, predicted = (torch.tensor([float(row[f"{kind}_{name}"]) for row in rows("raw")]) for kind in ("true", "predicted"))
        assert float((true - predicted).abs().mean()) == pytest.approx(found["trained"], rel=1e-5)
    compared = invsound("compare", "own", "raw", "--json")
    assert all(cell["p"] is not None for name, cell in json.loads(compared.stdout)["configurations"][1]["cells"].items() if "mss" in name)
    before = scores("raw")["scores"]
    assert invsound("evaluate", "raw", "--jobs", 1, "--quiet").exit_code == 0
    assert scores("raw")["scores"] == before


def test_a_log_scale_from_zero_is_said_before_a_folder_is_made(install, tiny_source, invsound):
    hook = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_synths(): return [Part('nil', 'nil_parts:Tiny')]\n"
    install("nil-synth", hook, nil_parts=tiny_source.replace('"s", 0.01, 0.1)', '"s", 0, 0.1)'))
    result = invsound(*toy("nil", "space.scale=log", "--out", "run"))
    assert result.exit_code == 2
    assert "space.scale=log: parameter 'tau': a log scale needs low > 0, got 0" in result.stderr
    assert not Path("run").exists()


def epochs(folder):
    return [json.loads(line) for line in Path(folder, "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("first", "then"), [("ploss", "pnp"), *(pytest.param("pnp", then, marks=pytest.mark.slow) for then in ("ddsp", "pnp"))]
)
def test_any_loss_may_follow_any_other(first, then, tiny, invsound, monkeypatch):
    pretrain = [f"train.pretrain.loss={first}", "train.pretrain.epochs=2", "optimizer.lr=1e-4"]
    more = ["train.pretrain.options.matrix=own"] if first == "pnp" else []
    result = invsound(*toy(tiny, *pretrain, *more, "train.epochs=4", "--out", "whole", loss=then))
    assert result.exit_code == 0, result.stderr
    assert "Epoch 2: the next loss takes over" in result.stderr
    assert [e.get("phase") for e in epochs("whole")] == ["pretraining"] * 3 + [None] * 2
    assert "Loss in pretraining" in Path("whole/report.html").read_text()
    original = Trainer.train_epoch
    for last in (1, 2, 3):

        def interrupted(self, fold, last=last):
            if self.epoch > last:
                raise KeyboardInterrupt
            return original(self, fold)

        monkeypatch.setattr(Trainer, "train_epoch", interrupted)
        assert invsound(*toy(tiny, *pretrain, *more, "train.epochs=4", "--out", f"cut-{last}", loss=then)).exit_code == 130
        monkeypatch.setattr(Trainer, "train_epoch", original)
        assert invsound("run", "--resume", f"cut-{last}", "--jobs", 1).exit_code == 0
        assert Path(f"cut-{last}/scores.json").read_bytes() == Path("whole/scores.json").read_bytes()
    assert invsound("run", "--config", "whole/config.yaml", "--out", "again", "--jobs", 1).exit_code == 0
    assert Path("again/scores.json").read_bytes() == Path("whole/scores.json").read_bytes()


def test_pretraining_shares_the_columns_of_a_run_with_that_loss(tiny, invsound, monkeypatch):
    assert invsound(*toy(tiny, "--out", "pnp")).exit_code == 0
    assert invsound(*toy(tiny, "--out", "ploss", loss="ploss")).exit_code == 0
    monkeypatch.setattr(shards, "compute_shard", lambda task: pytest.fail("everything was prepared already"))
    assert invsound(*toy(tiny, "train.pretrain.loss=pnp", "--out", "both", loss="ploss")).exit_code == 0


def test_pretraining_is_half_of_the_epochs_unless_said(tiny):
    resolved = parts(tiny, "train.epochs=9", "train.pretrain.loss=pnp", "train.pretrain.options.decay=0.5").config
    assert resolved.train.pretraining == 4
    assert resolved.train.pretrain.options["decay"] == 0.5
    assert resolved.train.pretrain.options["brake"] == 1.0
    assert config.resolve(resolved.as_dict()) == resolved
    assert parts(tiny, "train.epochs=9").config.train.pretraining == 0


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["train.pretrain.loss=plos"], "Did you mean 'ploss'"),
        (["train.pretrain=ploss"], r"Write train\.pretrain\.loss=ploss"),
        (["train.pretrain.los=ploss"], "train.pretrain has no option 'los'. Did you mean 'loss'"),
        (["train.pretrain.loss=pnp", "train.pretrain.epochs=3"], r"some of train\.epochs=3, from 1 to 2, got 3"),
        (["train.pretrain.loss=pnp", "train.pretrain.options.decoy=1"], "loss pnp has no option 'decoy'. Did you mean 'decay'"),
        (["train.pretrain.epochs=2"], "Write train.pretrain.loss=NAME"),
        (["space.scale=cubic"], "scale takes a str, 'declared' or 'log' or 'linear'"),
        (["space.normalize=null"], "normalize"),
    ],
)
def test_mistakes_are_said(tiny, overrides, said):
    with pytest.raises(UsageError, match=said):
        parts(tiny, *overrides)


def test_a_config_from_before_these_options_still_resolves(tiny):
    now = parts(tiny).config
    old = now.as_dict()
    del old["space"], old["train"]["pretrain"], old["train"]["clip_by"]
    assert config.resolve(old) == now


ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PAPER = sorted((EXAMPLES / "paper").glob("*.yaml"))
MEASURED = sorted((EXAMPLES / "results").glob("*.yaml"))


@pytest.mark.parametrize("file", PAPER, ids=lambda file: file.stem)
def test_every_published_experiment_resolves(file):
    synth = file.stem.partition("-")[0]
    published, quick = sweeps.plan(file), sweeps.plan(file, preset="quick", seeds=[0])
    assert len(published) == 5 * len(quick)
    assert len({run.folder for run in published}) == len(published)
    assert {run.config.parts["synth"] for run in (*published, *quick)} == {synth}
    assert {run.config.parts["encoder"] for run in published} == {"efficientnet-b0"}
    assert {(run.config.train.epochs, run.config.train.batch, run.config.train.examples) for run in published} == {(70, 256, 25600)}
    assert {run.config.data.design for run in published} == {"paper"}
    assert {run.config.train.pretraining for run in published} <= ({0, 35, 55} if file.stem.endswith("beyond") else {0, 35})
    assert {run.config.of["feature"].get("padding", "zero") for run in published} == {"zero"}
    assert {run.config.parts["encoder"] for run in quick} == {"cnn"}
    assert {run.config.data.train for run in quick} == {256}
    configurations = [run.config.as_dict() | {"seed": 0} for run in quick]
    assert all(one != other for k, one in enumerate(configurations) for other in configurations[:k])


# The largest eigenvalues of M over the training folds, as measured: λ₀ is their square.
LARGEST = {"amfm": 2e4, "ftm": 3e10}


@pytest.mark.parametrize("file", PAPER, ids=lambda file: file.stem)
def test_every_published_pnp_takes_a_first_step_at_the_published_damping(file):
    """The gradient of the damped form neither overflows when it is squared in float32, nor leaves the weights where they are."""
    synth = file.stem.partition("-")[0]
    draw = torch.Generator().manual_seed(0)
    problem = Parts(config.resolve({"parts": {"synth": synth, "feature": "mss", "loss": "ploss"}})).problem
    P = len(problem.space)
    nu = torch.rand(16, P, generator=draw) * 2 - 1
    spread = torch.logspace(0, -6, P, dtype=torch.float64) * torch.logspace(0, -6, 16, dtype=torch.float64)[:, None]
    V = torch.linalg.qr(torch.randn(16, P, P, generator=draw, dtype=torch.float64))[0]
    side = (LARGEST[synth] * spread).sqrt()[:, :, None] * V
    for run in sweeps.plan(file, seeds=[0]):
        train = run.config.train
        for resolved in (run.config, *([run.config.pretraining()] if train.pretraining else [])):
            if resolved.parts["loss"] != "pnp":
                continue
            loss = registry.build("loss", "pnp", resolved.of["loss"] | {"bound": resolved.of["loss"]["bound"] or 1e3}, problem=problem)
            loss.calibrate(side)
            encoder = torch.nn.Linear(8, P)
            encoder.num_outputs = P
            optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
            before = encoder.weight.detach().clone()
            batch = torch.randn(16, 8, generator=draw), nu, side
            optimizer.step(Step(encoder, loss.train(), batch, draw, train.clip, train.clip_by))
            moved = (encoder.weight.detach() - before).abs()
            assert float(moved.median()) > 1e-4, run.name


def test_every_experiment_is_there_for_both_synths_and_says_how_to_run_it():
    names = ("losses", "rescaling", "damping", "optimizers", "pretraining", "beyond")
    assert {file.stem for file in PAPER} == {f"{synth}-{name}" for synth in ("amfm", "ftm") for name in names}
    for file in PAPER:
        assert f"invsound sweep examples/paper/{file.name} --preset quick" in file.read_text()


@pytest.mark.parametrize("file", [*EXAMPLES.glob("pretrained/*.yaml"), *EXAMPLES.glob("recorded/*.yaml")], ids=lambda file: file.stem)
def test_every_training_of_the_examples_is_one(file):
    made = config.resolve(options.from_file(file))
    assert f"invsound run --config examples/{file.parent.name}/{file.name}" in file.read_text()
    assert made.train.epochs > 0


@pytest.mark.parametrize("file", MEASURED, ids=lambda file: file.stem)
def test_every_measured_experiment_is_fair_and_on_the_page_of_results(file):
    runs = sweeps.plan(file)
    assert {run.seed for run in runs} == {0, 1, 2}
    assert len({str(run.config.data) for run in runs}) == len({str(run.config.evaluate) for run in runs}) == 1
    assert {run.config.data.seed for run in runs} == {0}  # all seeds hear the same sounds
    assert len({(run.config.train.epochs, run.config.train.batch, run.config.parts["encoder"]) for run in runs}) == 1
    command, page = f"invsound sweep examples/results/{file.name}", (ROOT / "docs" / "results.md").read_text()
    assert command in file.read_text()
    assert command in page
    assert all(f"| {run.name} |" in page for run in runs)
