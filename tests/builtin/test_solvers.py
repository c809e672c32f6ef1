"""A solver finds what the synth made, respects the bounds, and says how it ended."""

import pytest
import torch

import invsound
from invsound.solver import STOPPED


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


class Counted(Rosenbrock):
    """It counts sounds; a derivative is as many as it has columns."""

    def __init__(self):
        self.sounds, self.derivatives = 0, 0

    def __call__(self, nu):
        self.sounds += len(nu)
        return super().__call__(nu)

    def jacobian(self, nu):
        self.sounds, self.derivatives = self.sounds + nu.numel(), self.derivatives + len(nu)
        return super().jacobian(nu)


def test_lm_asks_for_no_derivative_once_the_time_is_over():
    counted, start = Counted(), starts()
    found = invsound.make("solver", "lm").solve(counted, torch.zeros(2, dtype=torch.float64), start, lambda: counted.derivatives > 1)
    assert counted.derivatives == 2
    assert not found.converged
    assert found.advice == STOPPED
    assert found.distance <= Rosenbrock()(start).norm(dim=1).min()


@pytest.mark.parametrize("limit", range(5, 40, 5))
def test_the_nearest_start_of_lm_gets_as_far_beside_others_in_twice_the_time(limit):
    start = starts()
    nearest = start[Rosenbrock()(start).norm(dim=1).argmin()][None]

    def found(start, limit):
        counted = Counted()
        return invsound.make("solver", "lm").solve(counted, torch.zeros(2, dtype=torch.float64), start, lambda: counted.sounds >= limit)

    assert found(start, 2 * limit + len(start) + 2).distance <= found(nearest, limit).distance


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
