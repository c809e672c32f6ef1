"""Matching finds what the synth made, whatever gain and onset the recording has, and says what it does not know."""

import csv
import json
import math

import pytest
import torch

import invsound
from invsound import pipeline
from invsound.audio import written
from invsound.audio.alignment import align, undo
from invsound.data import designs
from invsound.matching import matches
from invsound.matching.search import Search
from invsound.matching.survey import Survey
from invsound.matching.uncertainty import about_as_near, misfit_errors, standard_errors

N = 4096
OF = {"synth": {"num_samples": N}, "feature": {"n_fft": [512, 128]}}


def matcher(synth="amfm", feature="mss", solver="lm", of=OF, **how):
    return invsound.Matcher(synth, feature, solver, {**of, "match": {"candidates": 64, "budget": 20, **how}})


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INVSOUND_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def target():
    """An amfm sound with its ν."""
    synth = invsound.make("synth", "amfm", num_samples=N)
    nu = torch.tensor([0.3, -0.2, 0.4])
    return synth(synth.space.to_theta(nu[None]))[0], nu


def test_gain_and_lag_are_recovered_to_a_fraction_of_a_sample():
    generator = torch.Generator().manual_seed(0)
    spectrum = torch.fft.rfft(torch.randn(2048, generator=generator, dtype=torch.float64))
    spectrum[400:] = 0
    x = torch.nn.functional.pad(torch.fft.irfft(spectrum, 2048) * torch.hann_window(2048, dtype=torch.float64), (512, 512))
    for gain, lag in [(0.25, 37.3), (-2.0, -12.65), (1.0, 0.0)]:
        omega = 2 * math.pi * torch.arange(len(x) // 2 + 1) / len(x)
        late = gain * torch.fft.irfft(torch.fft.rfft(x) * torch.polar(torch.ones_like(omega), -omega * lag), len(x))
        found = align(late, x, 100)
        assert found.gain == pytest.approx(gain, rel=1e-6)
        assert found.lag == pytest.approx(lag, abs=1e-4)
        assert found.trusted
        torch.testing.assert_close(undo(late, found), x, atol=1e-3, rtol=0)


def test_sounds_that_have_nothing_in_common_are_not_aligned():
    a, b = torch.randn(2, 4096, generator=torch.Generator().manual_seed(0))
    assert not align(a, b, 100).trusted
    assert not align(a, torch.zeros_like(b), 100).trusted


def test_a_tone_is_not_the_tone_beside_it_and_a_sound_in_noise_is_the_sound():
    n, noise = torch.arange(4096), torch.randn(4096, generator=torch.Generator().manual_seed(0))
    tone, other = (torch.exp(-n / 800) * torch.sin(f * n) for f in (0.2, 0.2006))
    assert align(tone, other, 100).trusted
    assert not align(tone, other, 100).explained
    assert align(tone + 0.1 * tone.std() * noise, tone, 100).explained


def test_standard_errors_are_those_of_repeated_measurements():
    generator = torch.Generator().manual_seed(0)
    J = torch.randn(200, 3, generator=generator, dtype=torch.float64) * torch.tensor([1.0, 10.0, 0.1])
    noise = 0.3 * torch.randn(300, 200, generator=generator, dtype=torch.float64)
    estimates = noise @ torch.linalg.pinv(J).mT
    residuals = noise - estimates @ J.mT
    predicted = torch.stack([standard_errors(J, r, 1.0) for r in residuals[:50]])
    assert (predicted.mean(0) / estimates.std(0)).log().abs().max() < 0.25


def test_neighbours_that_err_together_make_errors_larger():
    generator = torch.Generator().manual_seed(0)
    J = torch.randn(20, 2, generator=generator, dtype=torch.float64).repeat_interleave(50, 0)
    noise = torch.randn(20, generator=generator, dtype=torch.float64).repeat_interleave(50)
    r = noise - J @ (torch.linalg.pinv(J) @ noise)
    independent = (torch.linalg.inv(J.mT @ J).diagonal() * r.square().sum() / 998).sqrt()
    assert (standard_errors(J, r, 1.0) > 3 * independent).all()


def test_errors_of_a_model_that_misfits_cover_what_it_cannot_follow():
    """Smooth J and smooth misfits, of which a part lies along J: three errors cover the parameters, three of those of noise do not."""
    generator = torch.Generator().manual_seed(0)
    smooth = torch.cos(torch.pi / 400 * (torch.arange(400).double()[:, None] + 0.5) * torch.arange(12))
    within = {"noise": [], "misfit": []}
    for _ in range(200):
        J, missing = (smooth @ torch.randn(12, n, generator=generator, dtype=torch.float64) for n in (4, 1))
        bias = torch.linalg.pinv(J) @ missing[:, 0]
        r = missing[:, 0] - J @ bias
        within["misfit"].append(bias.abs() < 3 * misfit_errors(J, r))
        within["noise"].append(bias.abs() < 3 * (torch.linalg.inv(J.mT @ J).diagonal() * r.square().sum() / 396).sqrt())
    coverage = {name: torch.cat(rows).double().mean().item() for name, rows in within.items()}
    assert coverage["misfit"] > 0.9
    assert coverage["noise"] < 0.5


def test_errors_reach_as_far_as_what_is_about_as_near():
    u = torch.tensor([[0.0, 0.0], [0.5, 0.1], [-0.9, 0.0]], dtype=torch.float64)
    distances = torch.tensor([3.0, 3.9, 4.1], dtype=torch.float64)
    assert about_as_near(u, distances, u[0], 3.0).tolist() == [0.5, 0.1]
    assert about_as_near(u, distances, u[0], 1.0).tolist() == [0, 0]


def test_a_direction_that_is_not_heard_has_no_small_error():
    J = torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) @ torch.ones(2, 2, dtype=torch.float64)
    assert (standard_errors(J, torch.zeros(50), 1.0) > 1).all()


class Bowl:
    """S = A u, in three dimensions."""

    A = torch.diag(torch.tensor([5.0, 1.0, 0.2]))

    def __init__(self):
        self.calls, self.most = 0, 0

    def __call__(self, u):
        self.calls, self.most = self.calls + len(u), max(self.most, len(u))
        return u @ self.A.to(u)


@pytest.mark.parametrize(("together", "regions"), [(False, 1), (False, 3), (True, 1), (True, 3)])
def test_the_survey_follows_its_models_to_the_minimum(together, regions):
    forward, generator = Bowl(), torch.Generator().manual_seed(0)
    u = 2 * torch.rand(20, 3, generator=generator) - 1
    survey = Survey(forward, torch.tensor([2.0, 0.3, -0.1]), 0, together)
    survey.add(u, forward(u) - survey.target)
    forward.calls, forward.most = 0, 0
    survey.explore(regions, lambda: forward.calls >= 60 * regions)
    assert forward.most == (regions if together else 1)
    torch.testing.assert_close(survey.nearest(1)[0], torch.tensor([0.4, 0.3, -0.5], dtype=torch.float64), atol=0.05, rtol=0)


def test_the_survey_keeps_the_nearest_and_gives_points_that_are_apart(monkeypatch):
    from invsound.matching import survey as module

    monkeypatch.setattr(module, "MEMORY", 4 * 3 * 30)
    survey, u = Survey(Bowl(), torch.zeros(3), 0), torch.rand(100, 3, generator=torch.Generator().manual_seed(0))
    survey.add(u, u)
    assert len(survey.u) == 30
    torch.testing.assert_close(survey.distances, u.double().norm(dim=1).sort().values[:30], rtol=1e-6, atol=0)
    near = survey.nearest(5, apart=0.2)
    apart = (near[:, None] - near).abs().amax(-1) + torch.eye(len(near))
    assert apart.min() > 0.2


def test_a_search_holds_counts_and_remembers(target):
    x, nu = target
    problem = matcher().problem
    free, held = torch.tensor([True, False, True]), torch.tensor([0.0, -0.2, 0.0])
    search = Search(problem, free, held, problem.feature(x[None])[0], None, 9)
    done = search.spent()
    u = torch.tensor([[0.3, 0.1], [0.3, 0.4]])
    torch.testing.assert_close(search.full(u)[1], nu)
    search(u)
    assert (search.evaluations, search.distance) == (2, pytest.approx(0, abs=1e-3))
    torch.testing.assert_close(search.best, u[1])
    J = search.jacobian(u)
    torch.testing.assert_close(J, problem.jacobian(search.full(u))[..., free])
    assert search.evaluations == 6
    assert not done()
    search(u.repeat(2, 1))
    assert done()


@pytest.mark.parametrize("listens", [True, False])
def test_a_match_is_what_the_synth_made(target, listens):
    x, nu = target
    m = matcher() if listens else matcher(candidates=256, guess=False)
    found = m(x, 8192)
    torch.testing.assert_close(found.nu, nu, atol=1e-4, rtol=0)
    assert found.distance < 1e-3 * found.random_distance
    assert all(found.determined.values()), found.advice
    assert found.advice == "Found."
    assert found.evaluations == found.history[-1][0] or found.evaluations > found.history[-1][0]
    assert [d for _, d in found.history] == sorted((d for _, d in found.history), reverse=True)
    json.dumps(found.as_dict(), allow_nan=False)


@pytest.mark.parametrize(("gain", "shift"), [(0.25, 0), (1.0, 60), (-3.0, -31)])
def test_gain_and_onset_belong_to_the_recording(target, gain, shift):
    x, nu = target
    found = matcher()(gain * x.roll(shift), 8192)
    assert found.gain_db == pytest.approx(20 * math.log10(abs(gain)), abs=0.01)
    assert found.onset == pytest.approx(shift / 8192, abs=1e-5)
    torch.testing.assert_close(found.nu, nu, atol=1e-2, rtol=0)


def test_noise_moves_parameters_by_less_than_three_standard_errors(target):
    x, nu = target
    noise = torch.randn(N, generator=torch.Generator().manual_seed(0))
    m = matcher()
    found = m(x + 0.1 * x.std() * noise, 8192)
    truth = m.synth.space.to_theta(nu.double()).tolist()
    for (name, value), true in zip(found.parameters.items(), truth, strict=True):
        assert abs(value - true) < 3 * found.standard_errors[name], name


def test_held_parameters_stay_and_the_others_are_found(target):
    x, nu = target
    fm = float(matcher().synth.space.to_theta(nu)[1])
    found = matcher(fix={"fm": fm})(x, 8192)
    assert found.parameters["fm"] == pytest.approx(fm)
    assert found.standard_errors["fm"] is None
    assert "fm" not in found.determined
    torch.testing.assert_close(found.nu, nu, atol=1e-4, rtol=0)
    wrong = matcher(free=["f0"])(x, 8192)
    assert wrong.parameters["gamma"] == pytest.approx(2**0.5, rel=1e-5)  # mid-range
    assert list(wrong.determined) == ["f0"]


def test_several_solutions_are_distinct_and_ranked(target):
    found = matcher(keep=3, starts=4, survey=False, budget=5, guess=False)(target[0], 8192)
    solutions = [found.parameters, *(other["parameters"] for other in found.alternatives)]
    distances = [found.distance, *(other["distance"] for other in found.alternatives)]
    assert 1 < len(solutions) <= 3
    assert distances == sorted(distances)
    assert len({tuple(s.values()) for s in solutions}) == len(solutions)


@pytest.mark.parametrize("solver", ["lm", "descent", "cma"])
def test_evaluations_are_limited_for_every_solver(target, solver):
    found = matcher(solver=solver, evaluations=80, budget=None, guess=False)(target[0], 8192)
    assert 64 <= found.evaluations <= 80 + 32  # what was asked for together is computed together
    assert found.distance > 0


def test_a_match_is_never_worse_than_its_best_candidate(target):
    m = matcher(solver="descent", of={**OF, "solver": {"steps": 1, "lr": 1.0}}, candidates=16, survey=False, guess=False)
    found = m(target[0], 8192)
    sobol = designs.draw(m.synth, "sobol", {"train": 16}, 0)["train"]
    distances = (m.problem(sobol) - m.represent(target[0][None])).norm(dim=1)
    assert found.distance <= float(distances.min()) * (1 + 1e-5)
    assert found.random_distance == pytest.approx(float(distances.median()), rel=1e-5)


def test_candidates_too_large_to_keep_give_the_same_match(target, monkeypatch):
    from invsound.matching import setup as module

    kept = matcher(evaluations=150, budget=None, guess=False)(target[0], 8192)
    monkeypatch.setattr(module, "DICTIONARY", 0)
    computed = matcher(evaluations=150, budget=None, guess=False)(target[0], 8192)
    assert (computed.distance, computed.evaluations) == (pytest.approx(kept.distance, rel=1e-4), kept.evaluations)


def test_the_same_seed_gives_the_same_match(target):
    how = {"evaluations": 150, "budget": None, "seed": 3}
    a, b = (matcher(**how, guess=False)(target[0], 8192) for _ in range(2))
    assert (a.parameters, a.distance, a.history) == (b.parameters, b.distance, b.history)


def test_a_trained_encoder_adds_a_start(target, tmp_path):
    small = ["data.train=8", "data.val=4", "data.test=4", "train.epochs=1", "evaluate.scores=[mss]", "evaluate.micro=false"]
    overrides = [f"synth.num_samples={N}", "feature.n_fft=[256]", *small]
    pipeline.run("amfm", "mss", "ploss", overrides=overrides, out=tmp_path / "run")
    m = matcher(encoder=str(tmp_path / "run"))
    for x in (target[0], target[0][: N // 2]):  # a recording may end early
        assert len(m.guesses(x)) == len(matcher().guesses(x)) + 1
        torch.testing.assert_close(matcher(encoder=str(tmp_path / "run"), guess=False).guesses(x), m.guesses(x)[-1:])
    longer = invsound.Matcher("amfm", "mss", "lm", {"synth": {"num_samples": 2 * N}, "match": {"encoder": str(tmp_path / "run")}})
    for x in (target[0], torch.nn.functional.pad(target[0], (0, N))):  # of which it hears as much as it has learned to
        torch.testing.assert_close(longer.guesses(x)[-1], m.guesses(target[0])[-1])
    with pytest.raises(invsound.UsageError, match="learned another synth or sample rate"):
        matcher("ftm", encoder=str(tmp_path / "run")).guesses(target[0])


@pytest.mark.parametrize("sound", ["noise", "click"])
def test_a_sound_out_of_reach_is_not_determined(sound):
    x = torch.randn(N, generator=torch.Generator().manual_seed(0)) if sound == "noise" else torch.zeros(N)
    x[N // 2] = 1.0
    found = matcher(evaluations=200)(x, 8192)
    assert found.distance > 0.3 * found.random_distance
    assert found.advice.startswith("Not determined") or "Not determined by this sound" in found.advice or "far from it" in found.advice
    assert all(math.isfinite(v) for v in found.parameters.values())


def test_silence_is_said(target):
    with pytest.raises(invsound.UsageError, match="The sound is silent"):
        matcher()(torch.zeros(N), 8192)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"fix": {"fn": 4}}, "Did you mean 'fm'"),
        ({"fix": {"fm": 400}}, "Choose between 4 and 16"),
        ({"free": ["x"]}, "no parameter"),
        ({"fix": {"fm": 5}, "free": ["fm"]}, "leave at least one free"),
        ({"budget": "soon"}, "a time such as 60s"),
        ({"starts": 0}, "starts takes an int, 1 to 10000, got 0"),
        ({"candidate": 3}, "candidates"),
    ],
)
def test_mistakes_are_named(how, words):
    with pytest.raises(invsound.UsageError, match=words):
        matcher(**how)


def test_samples_in_python_match_as_a_file_does(target, tmp_path):
    x = target[0]
    path = written.save(tmp_path / "x.wav", x, 8192)
    how = {
        "synth": "amfm",
        "feature": "mss",
        "overrides": [f"synth.num_samples={N}", "feature.n_fft=[256]"],
        "candidates": 8,
        "budget": None,
    }
    found = invsound.match(x, 8192, **how, evaluations=40)
    assert found.x_hat.shape == (N,)
    assert set(found.units) == {"f0", "fm", "gamma"}
    for other in (torch.stack([x, x]), path):
        assert invsound.match(other, 8192, **how, evaluations=40).parameters == pytest.approx(found.parameters)
    with pytest.raises(invsound.UsageError, match="needs its sample_rate"):
        invsound.match(x, **how)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_fails_does_not_stop_the_others(target, tmp_path, jobs):
    good = [written.save(tmp_path / folder / "<b>one.wav", target[0], 8192) for folder in ("a", "b")]
    (tmp_path / "bad.wav").write_text("nothing")
    of = {**OF, "match": {"candidates": 16, "evaluations": 40}}
    results = matches.match_files([good[0], tmp_path / "bad.wav", good[1]], tmp_path / "out", "amfm", "mss", "lm", of, jobs=jobs)
    assert ["error" in result for result in results] == [False, True, False]
    assert len({result["folder"] for result in results if "folder" in result}) == 2
    rows = list(csv.DictReader((tmp_path / "out" / "matches.csv").read_text().splitlines()))
    assert float(rows[0]["f0 (Hz)"]) == results[0]["parameters"]["f0"]
    assert "not a sound file" in rows[1]["advice"]
    pages = [tmp_path / "out" / "matches.html", *(tmp_path / "out").glob("*/match.html")]
    assert len(pages) == 3
    assert all("<b>one" not in page.read_text() and "&lt;b&gt;one" in page.read_text() for page in pages)
    assert json.loads((tmp_path / "out" / "matches.json").read_text()) == json.loads(json.dumps(results))
