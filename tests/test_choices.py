"""Choices and steps, from the table of sounds to the report: a toy organ with two choices and a number of partials."""

import csv
import json
from pathlib import Path

import pytest
import soundfile
import torch

import invsound as package
from invsound.hooks import registry
from invsound.testing import toys
from invsound.testing.examine import examine_part

ORGAN = """
from dataclasses import dataclass
from invsound import Parameter, Choice, Signal, Space, Synth
from invsound.testing import toys

@dataclass
class Options:
    \"\"\"None.\"\"\"

class Organ(toys.Organ):
    Options = Options
    def __init__(self, options):
        super().__init__()
        self.signal = Signal(8000, 512)
"""
HOOK = """
from invsound import Part, hookimpl

@hookimpl
def invsound_synths(): return [Part("organ", "organ_parts:Organ")]
"""
FEATURE = {"jtfs": ["feature.J=5", "feature.Q=[4,1]", "feature.J_fr=2"], "mss": ["feature.n_fft=[256,64]"]}
TOY = ["data.train=32", "data.val=8", "data.test=8", "train.epochs=6", "evaluate.scores=[mss]", "evaluate.sounds=1", "--jobs", 1]
SPACE = toys.Organ().space


@pytest.fixture
def organ(install):
    install("organ", HOOK, organ_parts=ORGAN)
    return "organ"


def points(count=6, seed=0):
    return SPACE.at(torch.rand(count, len(SPACE), generator=torch.Generator().manual_seed(seed), dtype=torch.float64))


def predictions():
    return list(csv.DictReader(Path("run/predictions.csv").read_text().splitlines()))


def test_every_law_of_synths_holds_for_it(organ):
    verdicts = examine_part(registry.find("synth", organ))
    assert {verdict.status for verdict in verdicts} <= {"ok", "skipped"}, [v for v in verdicts if v.status == "failed"]


@pytest.mark.parametrize("loss", ["ploss", "pnp"])
@pytest.mark.parametrize("feature", FEATURE)
def test_a_run_learns_reports_and_compares(organ, feature, loss, invsound):
    result = invsound("run", "--synth", organ, "--feature", feature, *FEATURE[feature], "--loss", loss, *TOY, "--out", "run")
    assert result.exit_code == 0, result.stderr
    assert "wave, options right" in result.stdout
    losses = [json.loads(line)["train_loss"] for line in Path("run/metrics.jsonl").read_text().splitlines()[1:]]
    assert sum(losses[-2:]) < sum(losses[:2])
    wave = json.loads(Path("run/scores.json").read_text())["parameters"]["wave"]
    rows = predictions()
    assert wave["unit"] == "share wrong"
    assert wave["chance"] == pytest.approx(2 / 3)
    assert wave["trained"] == sum(row["true_wave"] != row["predicted_wave"] for row in rows) / len(rows)
    assert {row["true_wave"] for row in rows} <= set(toys.Organ.WAVES)
    assert {row["predicted_partials"] for row in rows} <= set("12345")
    page = Path("run/report.html").read_text()
    assert '<th scope="col">true</th><th scope="col">saw</th>' in page
    for words in ("options right; by chance", "saw, square, sine", "steps of 1"):
        assert words in page
    compared = invsound("compare", "run", "--json")
    assert compared.exit_code == 0, compared.stderr
    assert "error of wave" in [column["name"] for column in json.loads(compared.stdout)["columns"]]


def test_a_sweep_and_its_comparison_pair_options_by_sound(organ, invsound):
    sweep = {"base": {"parts": {"synth": organ, "feature": "mss", "loss": "ploss"}, "feature": {"n_fft": [64]}},
             "grid": {"loss.choices": ["square", "cross_entropy"]}, "seeds": [0]}  # fmt: skip
    sweep["base"] |= {"data": {"train": 16, "val": 8, "test": 8}, "train": {"epochs": 2}, "evaluate": {"scores": ["mss"], "sounds": 0}}
    Path("sweep.yaml").write_text(json.dumps(sweep))
    result = invsound("sweep", "sweep.yaml", "--jobs", 1, "--out", "swept")
    assert result.exit_code == 0, result.stderr
    found = package.compare("swept")
    (column,) = [c for c in found.columns if c.of == "wave"]
    cells = [row.cells[column] for row in found.configurations]
    assert cells[0].p is None or 0 < cells[0].p <= 1
    assert cells[1].p is not None
    from invsound.experiments import results

    for run in results.find(["swept"]):
        assert float(run.terms[column].mean()) == pytest.approx(run.values[column])


def test_match_finds_options_and_numbers_and_says_what_the_errors_suppose(organ, invsound):
    made = invsound("render", "--synth", organ, "wave=square", "partials=5", "filter=closed", "f=233", "tau=0.015", "--out", "x.wav")
    assert made.exit_code == 0, made.stderr
    assert "wave=square, partials=5, filter=closed" in made.stdout
    result = invsound(
        "match", "x.wav", "--synth", organ, "--feature", "mss", *FEATURE["mss"], "--evaluations", 3000, "--keep", 3, "--out", "m"
    )
    assert result.exit_code == 0, result.stderr
    found = json.loads(Path("m/match.json").read_text())
    assert {name: found["parameters"][name] for name in ("wave", "partials", "filter")} == {
        "wave": "square",
        "partials": 5,
        "filter": "closed",
    }
    assert found["parameters"]["f"] == pytest.approx(233, rel=1e-3)
    assert found["standard_errors"]["wave"] is None
    assert found["determined"]["wave"] is True
    assert "Standard errors are those of numbers, if the options are right" in Path("m/match.html").read_text()
    fixed = ["--fix", "wave=saw,partials=3", "--evaluations", 500, "--out", "held", "--json"]
    held = invsound("match", "x.wav", "--synth", organ, "--feature", "mss", *FEATURE["mss"], *fixed)
    assert json.loads(held.stdout)["parameters"] | {"wave": "saw", "partials": 3} == json.loads(held.stdout)["parameters"]


@pytest.mark.parametrize("solver", ["lm", "cma", "descent"])
def test_every_solver_takes_part(organ, solver, invsound):
    x = package.make("synth", organ)(SPACE.values({"wave": "sine", "f": 150})[None].float())[0]
    soundfile.write("x.wav", x.numpy(), 8000, subtype="FLOAT")
    found = package.match("x.wav", synth=organ, feature="mss", solver=solver, overrides=FEATURE["mss"], evaluations=1500, quiet=True)
    assert found.distance < 0.1 * found.random_distance
    assert found.parameters["wave"] in toys.Organ.WAVES


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["render", "wave=swa"], "Parameter wave = 'swa' is no option. Did you mean 'saw'? Available: saw, square, sine."),
        (["render", "partials=2.5"], "between two steps of 1"),
        (["match", "x.wav", "--feature", "mss", "--fix", "wave=swa"], "Did you mean 'saw'"),
        (["run", "--feature", "mss", "--loss", "ddsp"], "nothing to differentiate along wave, partials, filter"),
        (
            ["match", "x.wav", "--feature", "mss", "--solver", "descent", "--free", "wave"],
            "needs gradients, and choices and steps have none",
        ),
    ],
)
def test_mistakes_are_named(organ, arguments, words, invsound):
    result = invsound(arguments[0], "--synth", organ, *arguments[1:])
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_a_table_has_options_by_name(organ, invsound):
    rows = [f"{f},saw,2,open,0.01,train" for f in (110, 120)] + ["200,sine,3,closed,0.01,val", "300,square,5,open,0.02,test"]
    Path("t.csv").write_text("\n".join(["f,wave,partials,filter,tau,fold", *rows]))
    table = ["data.design=csv", "data.csv=t.csv", "data.train=null", "data.val=null", "data.test=null"]
    parts = ["--synth", organ, "--feature", "mss", "feature.n_fft=[64]", "--loss", "ploss"]
    result = invsound("run", *parts, *table, "train.epochs=1", "evaluate.scores=[mss]", "--jobs", 1, "--out", "run")
    assert result.exit_code == 0, result.stderr
    (row,) = predictions()
    assert (row["true_wave"], row["true_partials"]) == ("square", "5")


def test_listings_name_options_and_steps(organ, invsound):
    text = invsound("list-plugins", organ).stdout
    assert "parameter wave: one of saw, square, sine. how its partials fall off" in text
    assert "parameter partials: 1 to 5 , linear, in steps of 1." in text or "1 to 5, linear, in steps of 1" in text
    (part,) = json.loads(invsound("list-plugins", organ, "--json").stdout)
    assert part["parameters"][1]["options"] == ["saw", "square", "sine"]
    assert part["parameters"][2]["step"] == 1


def test_the_radius_is_that_of_numbers(organ, invsound):
    found = json.loads(invsound("doctor", "radius", "--synth", organ, "--feature", "mss", *FEATURE["mss"], "--sounds", 2, "--json").stdout)
    assert list(found["radius"]) == ["f", "tau"]


def test_an_encoder_s_choices_are_probabilities():
    encoder = package.make("encoder", "cnn", signal=package.Signal(8000, 2048), num_outputs=SPACE.width)
    encoder.space = SPACE
    nu_hat = encoder(encoder.prepare(torch.randn(4, 2048)))
    for index in SPACE.choices:
        assert torch.allclose(((nu_hat[:, SPACE.slices[index]] + 1) / 2).sum(1), torch.ones(4), atol=1e-5)
    assert (nu_hat.abs() <= 1).all()


def test_p_loss_of_options_is_the_brier_score_or_the_cross_entropy():
    nu, problem = points(), toys.problem(toys.Organ())
    odds = torch.softmax(torch.randn(6, 3, dtype=torch.float64), 1)
    nu_hat = nu.clone()
    nu_hat[:, 1:4] = 2 * odds - 1
    true = nu[:, 1:4].argmax(1)
    side = nu.new_empty(6, 0)
    square, entropy = (
        package.make("loss", "ploss", problem=problem, choices=choices)(nu_hat, nu, side) for choices in ("square", "cross_entropy")
    )
    one = torch.nn.functional.one_hot(true, 3)
    torch.testing.assert_close(square, 2 * (odds - one).square().sum(1))
    torch.testing.assert_close(entropy, -odds[torch.arange(6), true].log())


def test_pnp_of_a_pure_change_of_option_is_ddsp():
    """½‖J(ν̂ − ν)‖² = ½‖S(ν̂) − S(ν)‖² wherever ν̂ differs from ν by one option."""
    problem, nu = toys.problem(toys.Organ()), points()
    R = problem.metric_factor(nu)
    for index in SPACE.choices:
        block = SPACE.slices[index]
        for option in range(block.stop - block.start):
            nu_hat = nu.clone()
            nu_hat[:, block] = -1
            nu_hat[:, block.start + option] = 1
            form = 0.5 * (R @ (nu_hat - nu)[:, :, None]).square().sum((1, 2))
            torch.testing.assert_close(form, 0.5 * (problem(nu_hat) - problem(nu)).square().sum(1), rtol=1e-8, atol=1e-12)


def test_pnp_tends_to_ddsp_for_small_errors_of_numbers():
    problem, nu = toys.problem(toys.Organ()), points()
    R, numbers = problem.metric_factor(nu), SPACE.columns([not p.count for p in SPACE])
    direction = torch.randn(nu.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * numbers
    errors = []
    for size in (1e-3, 1e-4):
        exact = 0.5 * (problem(nu + size * direction) - problem(nu)).square().sum(1)
        errors.append(((0.5 * (R @ (size * direction)[:, :, None]).square().sum((1, 2)) - exact).abs() / exact).max())
    assert errors[0] < 0.1
    assert errors[1] < 0.2 * errors[0]


def test_a_step_is_measured_by_whole_steps():
    problem, nu = toys.problem(toys.Organ()), points()
    block = SPACE.slices[2]
    J, theta = problem.jacobian(nu), SPACE.to_theta(nu)
    up, down = theta.clone(), theta.clone()
    up[:, 2], down[:, 2] = (theta[:, 2] + 1).clamp(max=5), (theta[:, 2] - 1).clamp(min=1)
    ends = [SPACE.to_nu(end) for end in (up, down)]
    expected = (problem(ends[0]) - problem(ends[1])) / (ends[0] - ends[1])[:, block]
    torch.testing.assert_close(J[:, :, block.start], expected)


def test_draws_are_vertices_and_every_option_is_as_likely():
    nu = points(4000)
    theta = SPACE.to_theta(nu)
    torch.testing.assert_close(SPACE.snapped(nu), nu)
    for index in SPACE.discrete:
        p = SPACE[index]
        counts = torch.bincount(((theta[:, index] - p.low) / p.step).round().long(), minlength=p.count)
        assert (counts > 0.8 * 4000 / p.count).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: package.Choice("c", ("a",)), "two or more different names"),
        (lambda: package.Choice("c", ("a", "a")), "two or more different names"),
        (lambda: package.Parameter("p", "", 0, 1, step=0.3), "whole number of steps"),
        (lambda: package.Parameter("p", "", 0, 1, step=2), "whole number of steps"),
    ],
)
def test_a_wrong_declaration_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_truth_values_are_options_too():
    space = package.Space(package.Choice("sync", ("off", "on")))
    assert space.values({"sync": True}).tolist() == [1.0]
    assert space.values({"sync": "Off"}).tolist() == [0.0]
