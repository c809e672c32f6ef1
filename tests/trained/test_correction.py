"""The correction of an answer: the damped step it is, nearer by it, deaf to what the recording does not hold."""

from pathlib import Path

import pytest
import torch

from invsound.audio.recording import Recording
from invsound.hooks import registry
from invsound.problem import Problem
from invsound.testing import toys
from invsound.trained.correction import Correction

NU = torch.tensor([[-0.5, 0.3], [0.2, -0.4], [0.6, 0.7]], dtype=torch.float64)


def problem_of(synth):
    return Problem(synth, registry.build("feature", "mss", {"n_fft": [64, 32]}, signal=synth.signal))


def recording(x, **known):
    return Recording(x, Path("toy.wav"), **{"notes": [], "gain": 1.0, "onset": 0.0, **known})


@pytest.mark.parametrize("nu", NU)
def test_it_is_the_damped_step_and_brings_the_answer_nearer(nu):
    problem = problem_of(toys.Tone())
    x, away = problem.render(nu[None].float())[0], nu + torch.tensor([0.02, -0.05], dtype=torch.float64)
    found = Correction(problem)(recording(x), away)
    J = problem.jacobian(away[None].float())[0].double()
    r, M = (problem.feature(x[None]) - problem(away[None].float()))[0].double(), J.T @ J
    D = M.diagonal() + 1e-3 * M.diagonal().mean()
    torch.testing.assert_close(found, away + torch.linalg.solve(M + 0.3 * D.diag(), J.T @ r), rtol=0, atol=1e-5)
    assert (problem(found[None].float()) - problem.feature(x[None])).norm() < 0.8 * r.norm()


def test_it_goes_no_farther_than_a_linearization_knows_nor_out_of_the_range():
    problem = problem_of(toys.Tone())
    x = problem.render(torch.tensor([[1.0, 1.0]]))[0]
    for answer in torch.tensor([[-1.0, -1.0], [0.99, 0.0], [0.0, 0.99]], dtype=torch.float64):
        found = Correction(problem)(recording(x), answer)
        assert (found - answer).abs().max() <= 0.2 + 1e-12
        assert found.abs().max() <= 1


def test_what_comes_after_the_end_of_a_recording_does_not_count_and_its_noise_does():
    problem, nu = problem_of(toys.Tone()), NU[0]
    x, away = problem.render(nu[None].float())[0], nu + 0.05
    later = x.clone()
    later[100:] = 0
    correct = Correction(problem)
    torch.testing.assert_close(correct(recording(later, end=60), away), correct(recording(x, end=60), away))
    assert not torch.allclose(correct(recording(later), away), correct(recording(x), away), atol=1e-3)
    floor = 0.1 * torch.randn(len(x), generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(correct(recording(x, floor=floor), away), correct(recording(x), away), atol=1e-3)


def test_options_stay_and_numbers_come_nearer():
    problem = problem_of(toys.Organ())
    nu = problem.space.to_nu(problem.space.to_theta(torch.full((1, problem.space.width), 0.2, dtype=torch.float64)))[0]
    x = problem.render(nu[None].float())[0]
    away = nu.clone()
    away[0] += 0.1
    found = Correction(problem)(recording(x), away)
    options = problem.space.columns([bool(p.options) for p in problem.space])
    assert torch.equal(found[options], away[options])
    assert (found - nu)[0].abs() < 0.1
    at = problem.space.to_theta(found)
    assert torch.isfinite(at).all()
