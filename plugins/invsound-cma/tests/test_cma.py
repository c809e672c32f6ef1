"""CMA-ES finds what it can without a derivative, keeps to its bounds, budget and seed, and leaves no trace."""
# ruff: noqa: RUF012  options are written as plugin authors write them

import os

import numpy as np
import pytest
import torch

import invsound
from invsound.testing import SolverContract, toys


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


class TestCMA(SolverContract):
    part = "cma"


class TestSmallCMA(SolverContract):
    part = "invsound-cma:cma"
    options = {"popsize": 12, "sigma0": 0.5, "evaluations": 1000, "chunk": 3, "seed": 2}


class Values:
    """S(ν) = f(ν) without a Jacobian, which counts its rows and notes how many came at a time."""

    def __init__(self, function):
        self.function, self.rows, self.largest = function, 0, 0

    def __call__(self, nu):
        assert not torch.is_grad_enabled()
        self.rows, self.largest = self.rows + len(nu), max(self.largest, len(nu))
        return self.function(nu)

    def jacobian(self, nu):
        raise AssertionError("CMA-ES asks for no Jacobian")


def rosenbrock(nu):
    """Residuals of Rosenbrock's function on ν/2 + ½: a curved valley to (1, 1), inside the box at (0.5, 0.5)."""
    a, b = (1.5 * nu + 0.25).unbind(1)
    return torch.stack([1 - a, 10 * (b - a**2)], 1)


def tone(nu):
    """A decaying sine: its distance to another has a local minimum at every half period that they slip."""
    t = torch.linspace(0, 1, 100, dtype=nu.dtype)
    return torch.exp(-3 * t * (1 + nu[:, 1:])) * torch.sin(2 * torch.pi * (12 + 8 * nu[:, :1]) * t)


def zeros(P, dtype=torch.float64):
    return torch.zeros(P, dtype=dtype)


def solve(function, target, nu0, stop=lambda: False, **options):
    return invsound.make("solver", "cma", **options).solve(Values(function), target, nu0, stop)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_curved_valley_is_followed_to_its_end(dtype):
    found = solve(rosenbrock, zeros(2, dtype), torch.tensor([[-0.8, 0.6]], dtype=dtype))
    assert found.converged, found.advice
    assert found.nu.dtype == dtype
    torch.testing.assert_close(found.nu, torch.full((2,), 0.5, dtype=dtype), atol=1e-5, rtol=0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_best_of_many_minima_is_found_where_lm_stays_in_a_near_one(seed):
    class Differentiable:
        def __call__(self, nu):
            return tone(nu)

        def jacobian(self, nu):
            return torch.func.vmap(torch.func.jacrev(lambda row: tone(row[None])[0]))(nu)

    truth, start = torch.tensor([[0.3, -0.2], [-0.7, 0.5]], dtype=torch.float64).split(1)
    target = tone(truth)[0]
    assert invsound.make("solver", "lm").solve(Differentiable(), target, start).distance > float(target.norm())
    found = solve(tone, target, start, seed=seed)
    assert found.converged, found.advice
    torch.testing.assert_close(found.nu, truth[0], atol=1e-5, rtol=0)


def test_the_best_beyond_a_corner_is_the_corner():
    found = solve(lambda nu: nu - 3, zeros(2), zeros(2)[None], evaluations=2000)
    torch.testing.assert_close(found.nu, torch.ones(2, dtype=torch.float64), atol=1e-5, rtol=0)
    assert found.nu.abs().max() <= 1
    assert found.converged, found.advice


def test_one_unknown_is_enough():
    found = solve(lambda nu: nu**3, torch.tensor([0.008], dtype=torch.float64), torch.tensor([[-0.9]], dtype=torch.float64))
    assert found.converged, found.advice
    torch.testing.assert_close(found.nu, torch.tensor([0.2], dtype=torch.float64), atol=1e-5, rtol=0)


@pytest.mark.parametrize("evaluations", [1, 3, 50, 333])
def test_the_evaluations_are_a_limit_and_are_counted(evaluations):
    forward, starts = Values(lambda nu: nu - 3), torch.rand(4, 2, generator=torch.Generator().manual_seed(0))
    found = invsound.make("solver", "cma", evaluations=evaluations).solve(forward, torch.zeros(2), starts)
    assert found.history[-1] == (forward.rows, found.distance)
    assert evaluations / 2 - 6 <= forward.rows <= evaluations
    assert forward.largest <= 8


def test_it_stops_between_generations():
    answers = iter([False, False, True])
    forward = Values(rosenbrock)
    found = invsound.make("solver", "cma", popsize=10).solve(forward, zeros(2), zeros(2)[None], lambda: next(answers))
    assert forward.rows == 1 + 2 * 10
    assert not found.converged
    assert "time" in found.advice


def test_what_leaves_the_sound_as_it_is_does_not_count_as_found():
    found = solve(lambda nu: nu[:, :1].abs() + 2, zeros(1), torch.full((1, 2), 0.5, dtype=torch.float64), evaluations=3000)
    assert abs(float(found.nu[0])) < 1e-4
    assert not found.converged
    assert found.advice.startswith("The distance no longer changes")


def test_rows_that_are_no_numbers_are_ranked_last():
    def holed(nu):
        return torch.where(nu[:, :1] < 0, torch.nan, nu - 0.4)

    found = solve(holed, zeros(2), torch.tensor([[-0.5, 0.0], [0.9, 0.9]], dtype=torch.float64))
    torch.testing.assert_close(found.nu, torch.full((2,), 0.4, dtype=torch.float64), atol=1e-4, rtol=0)


def test_the_seed_decides_and_numpys_own_generator_is_left_alone():
    def run(seed):
        return solve(rosenbrock, zeros(2), zeros(2)[None], seed=seed, evaluations=200).history

    kept = np.random.get_state()
    first = run(1)
    np.random.seed(5)
    torch.manual_seed(5)
    assert run(1) == first
    assert run(2) != first
    np.random.set_state(kept)
    expected = np.random.rand()
    np.random.set_state(kept)
    run(1)
    assert np.random.rand() == expected


def test_nothing_is_printed_and_no_file_is_written_or_read(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cma_signals.in").write_text("{'timeout': 0}")
    assert solve(rosenbrock, zeros(2), zeros(2)[None]).converged
    assert capfd.readouterr() == ("", "")
    assert os.listdir(tmp_path) == ["cma_signals.in"]


def test_a_synth_that_cannot_be_differentiated_is_matched():
    problem = toys.problem(toys.SealedTone())
    nu = torch.tensor([[0.3, -0.2]], dtype=torch.float64)
    solver = invsound.make("solver", "cma", evaluations=1000)
    starts = torch.tensor([[-0.5067, 0.0671], [0.1269, -0.2144]], dtype=torch.float64)
    found = solver.solve(problem, problem(nu)[0], starts)
    torch.testing.assert_close(found.nu, nu[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("wrong", [{"sigma0": 0}, {"evaluations": 0}, {"popsize": 2}, {"tolerance": 0}, {"chunk": 0}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(invsound.UsageError, match=next(iter(wrong))):
        invsound.make("solver", "cma", **wrong)
