"""The validity radius: what is known in closed form is measured."""

import json
from pathlib import Path

import pytest
import torch

from invsound import UsageError
from invsound.evaluation import radius as radii
from invsound.evaluation.radius import STEPS, errors, reach
from invsound.pages.radius import told
from invsound.testing import toys


class Curved:
    """S(ν) = (ν₁, sin(ν₂ · 20) + 3ν₂, 0 · ν₃): linear, curved, without effect."""

    def __call__(self, nu):
        return torch.stack([nu[:, 0], torch.sin(20 * nu[:, 1]) + 3 * nu[:, 1], nu[:, 2] * 0], 1)

    def jacobian(self, nu):
        return torch.func.vmap(torch.func.jacfwd(lambda row: self(row[None])[0]))(nu)


def test_errors_are_those_of_the_taylor_expansion():
    nu = torch.tensor([0.4, 0.0, -0.2], dtype=torch.float64)
    found, change = errors(Curved(), nu, Curved().jacobian(nu[None])[0], STEPS)
    d = torch.tensor(STEPS, dtype=torch.float64)
    curve = torch.sin(20 * d) + 3 * d
    torch.testing.assert_close(change, torch.stack([d, curve.abs(), 0 * d]), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(found[0], torch.zeros_like(d), atol=1e-9, rtol=0)
    torch.testing.assert_close(found[1], (23 * d - curve).abs() / curve.abs(), atol=1e-9, rtol=1e-6)
    assert (found[2] == 1).all()  # nothing is learned of it


def test_a_row_is_moved_towards_the_middle_and_stays_within_bounds():
    seen = []

    class Watched(Curved):
        def __call__(self, nu):
            seen.append(nu)
            return super().__call__(nu)

    nu = torch.tensor([0.99, -0.99, 0.1], dtype=torch.float64)
    errors(Watched(), nu, Curved().jacobian(nu[None])[0], STEPS)
    moved = torch.cat([rows for rows in seen if len(rows) > 1])
    assert moved.abs().max() <= 0.99
    assert moved[:, 0].min() == pytest.approx(0.69)
    assert moved[:, 1].max() == pytest.approx(-0.69)


def test_the_error_of_a_sound_grows_with_the_step_in_proportion():
    problem = toys.problem()
    nu = torch.tensor([0.3, -0.2], dtype=torch.float64)
    found, _ = errors(problem, nu, problem.jacobian(nu[None])[0], [1e-5, 1e-4])
    torch.testing.assert_close(found[:, 1] / found[:, 0], torch.full((2,), 10.0, dtype=torch.float64), rtol=0.01, atol=0)


def test_the_radius_is_the_last_step_before_the_error_reaches_a_half():
    assert reach([1, 2, 3], [0.1, 0.49, 0.6]) == 2
    assert reach([1, 2, 3], [0.1, 0.6, 0.1]) == 1
    assert reach([1, 2, 3], [0.5, 0.1, 0.1]) is None
    assert reach([1, 2, 3], [0.1, 0.1, 0.1]) == 3
    assert [told(value, [1e-5, 0.1, 0.3]) for value in (None, 0.1, 0.3)] == ["< 1.0 × 10⁻⁵", "0.10", "≥ 0.30"]
    assert told(None, [1e-5, 0.1, 0.3], still=True) == "no derivative"


def test_the_command_prints_writes_and_repeats_itself(tiny, invsound):
    arguments = ["doctor", "radius", "--synth", tiny, "--feature", "mss", "--sounds", 3, "feature.n_fft=[256,64]"]
    result = invsound(*arguments, "--out", "radius")
    assert result.exit_code == 0, result.stderr
    assert "below 50 %" in " ".join(result.stdout.split())
    assert result.stderr == ""  # no bar where there is no terminal
    page = Path("radius/radius.html").read_text()
    assert "tiny<i> · </i>mss" in page
    assert page.count('class="line ') == 3
    printed = json.loads(invsound(*arguments, "--json").stdout)
    assert printed == json.loads(Path("radius/radius.json").read_text())
    assert set(printed["radius"]) == {"f", "tau"}
    assert all(len(curve) == len(printed["steps"]) for curve in printed["errors"].values())
    assert printed["slope"].keys() == printed["radius"].keys()
    assert min(printed["slope"].values()) > 0
    assert 1e-4 < printed["radius"]["f"] < printed["radius"]["tau"]
    assert radii.radius(tiny, "mss", sounds=3, overrides=["feature.n_fft=[256,64]"]).as_dict() == printed
    assert radii.radius(tiny, "mss", sounds=3, seed=1, overrides=["feature.n_fft=[256,64]"]).errors != printed["errors"]


def test_mistakes_are_said(tiny, invsound):
    assert "Did you mean 'tiny'" in invsound("doctor", "radius", "--synth", "tinny", "--feature", "mss").stderr
    wrong = invsound("doctor", "radius", "--synth", tiny, "--feature", "mss", "loss.x=1")
    assert (wrong.exit_code, "radius has no option 'loss'" in wrong.stderr) == (2, True)
    assert invsound("doctor", "radius", "--synth", tiny).exit_code == 2
    with pytest.raises(UsageError, match="sounds takes an int, 1 to 100000, got 0"):
        radii.radius(tiny, "mss", sounds=0)
