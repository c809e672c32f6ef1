"""A solver finds what the synth made, respects the bounds, and says how it ended."""

import pytest
import torch

import invsound
from invsound import designs, matching


class Rosenbrock:
    """S = (1 − a, 10 (b − a²)) with minimum at (1, 1), a corner of the box."""

    def __call__(self, nu):
        return torch.stack([1 - nu[:, 0], 10 * (nu[:, 1] - nu[:, 0] ** 2)], 1)

    def jacobian(self, nu):
        a = nu[:, 0]
        return torch.stack(
            [torch.stack([-torch.ones_like(a), torch.zeros_like(a)], 1), torch.stack([-20 * a, torch.full_like(a, 10)], 1)], 1
        )


@pytest.fixture
def problem():
    synth = invsound.make("synth", "amfm", num_samples=2048)
    return invsound.Problem(synth, invsound.make("feature", "mss", signal=synth.signal, n_fft=[256]))


def starts(count=4):
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


def test_lm_descends_a_narrow_valley_into_a_corner():
    found = invsound.make("solver", "lm").solve(Rosenbrock(), torch.zeros(2, dtype=torch.float64), starts())
    assert found.converged, found.advice
    torch.testing.assert_close(found.nu, torch.ones(2, dtype=torch.float64), atol=1e-6, rtol=0)
    distances = [distance for _, distance in found.history]
    assert distances == sorted(distances, reverse=True)


@pytest.mark.parametrize("solver", ["lm", "descent"])
def test_the_bounds_are_kept_when_the_best_lies_outside(solver):
    class Slope:
        def __call__(self, nu):
            return nu - 3

        def jacobian(self, nu):
            return torch.eye(2, dtype=nu.dtype).expand(len(nu), 2, 2)

    found = invsound.make("solver", solver).solve(Slope(), torch.zeros(2, dtype=torch.float64), starts())
    torch.testing.assert_close(found.nu, torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize("solver", ["lm", "descent"])
def test_a_solver_recovers_what_the_synth_made(solver, problem):
    nu = torch.tensor([[0.2, -0.3, 0.4]], dtype=torch.float64)
    found = invsound.make("solver", solver).solve(problem, problem(nu)[0], nu + 0.01)
    torch.testing.assert_close(found.nu, nu[0], atol={"lm": 1e-6, "descent": 1e-3}[solver], rtol=0)
    assert found.distance < {"lm": 1e-4, "descent": 1e-1}[solver]


@pytest.mark.parametrize("solver", ["lm", "descent"])
def test_a_solver_stops_in_time_and_says_so(solver, problem):
    nu = torch.zeros(2, 3, dtype=torch.float64)
    found = invsound.make("solver", solver).solve(problem, problem(nu + 0.5)[0], nu, lambda: True)
    assert not found.converged
    assert found.advice


def test_matching_is_never_worse_than_its_best_candidate(problem):
    x = problem.render(torch.tensor([[0.5, 0.5, 0.5]]))[0]
    solver = invsound.make("solver", "descent", steps=1, lr=1.0)
    found, typical = matching.solve(problem, x, solver, candidates=16, keep=2, seed=0, budget=None)
    S = problem.feature(x[None])
    sobol = designs.draw(problem.synth, "sobol", {"train": 16}, 0)["train"]
    distances = (problem(sobol) - S).norm(dim=1)
    assert found.distance <= float(distances.min()) * (1 + 1e-5)
    assert typical == pytest.approx(float(distances.median()), rel=1e-5)


def test_a_guess_of_the_synth_is_a_candidate(problem, monkeypatch):
    nu = torch.tensor([[0.5, 0.1, -0.5]])
    monkeypatch.setattr(problem.synth, "guess", lambda x: nu)
    found, _ = matching.solve(problem, problem.render(nu)[0], invsound.make("solver", "lm"), candidates=4, keep=1, seed=0, budget=None)
    assert found.distance < 1e-2
    torch.testing.assert_close(found.nu, nu[0], atol=1e-5, rtol=0)


def test_samples_in_python_match_as_a_file_does(problem):
    x = problem.render(torch.tensor([[0.5, 0.5, 0.5]]))[0]
    options = {
        "synth": "amfm",
        "feature": "mss",
        "overrides": ["synth.num_samples=2048", "feature.n_fft=[256]"],
        "candidates": 8,
        "starts": 1,
    }
    found = invsound.match(x, 8192, **options)
    assert found.x_hat.shape == (2048,)
    assert set(found.units) == {"f0", "fm", "gamma"}
    stereo = invsound.match(torch.stack([x, x]), 8192, **options)
    assert stereo.distance == pytest.approx(found.distance)
    with pytest.raises(invsound.UsageError, match="needs its sample_rate"):
        invsound.match(x, **options)
