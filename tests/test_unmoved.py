"""What does not react is said: in run, match, doctor radius and check-plugin; by parameter, and in how many sounds."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from invsound import Problem
from invsound.hooks import registry
from invsound.pages import learning
from invsound.problem import ProblemOptions
from invsound.testing import toys

STEPPED = '''
from dataclasses import dataclass
import torch
from invsound import Feature, Parameter, Signal, Space, Synth

@dataclass
class Options:
    """Stepped."""
    num_samples: int = 512

class Stepped(Synth):
    """A decaying sine, its frequency in whole multiples of 50 Hz, as an external renderer may have it."""
    Options = Options
    differentiable = False
    def __init__(self, options):
        super().__init__(options)
        self.space = Space(Parameter("f", "Hz", 100, 1000), Parameter("tau", "s", 0.01, 0.1))
        self.signal = Signal(8000, options.num_samples)
    def forward(self, theta):
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype) / self.signal.sample_rate
        return torch.exp(-t / theta[:, 1:]) * torch.sin(2 * torch.pi * (theta[:, :1] / 50).round() * 50 * t)

@dataclass
class Nothing:
    """None."""

class Deaf(Feature):
    """S = 1, whatever is heard."""
    Options = Nothing
    def forward(self, x):
        return torch.ones_like(x[:, :4]) + 0 * x[:, :4]
'''
HOOK = """
from invsound import Part, hookimpl
@hookimpl
def invsound_synths():
    return [Part("stepped", "stepped_parts:Stepped")]
@hookimpl
def invsound_features():
    return [Part("deaf", "stepped_parts:Deaf")]
"""


@pytest.fixture
def stepped(install):
    install("stepped-synth", HOOK, stepped_parts=STEPPED)
    return "stepped"


def test_columns_of_zeros_are_counted_in_the_jacobian_and_in_its_factor():
    J, problem = torch.randn(3, 6, 2, dtype=torch.float64), toys.problem()
    J[1, :, 0] = 0
    assert problem.unmoved(J).tolist() == [[False, False], [True, False], [False, False]]
    assert torch.equal(problem.unmoved(torch.linalg.qr(J, mode="r").R), problem.unmoved(J))
    first, second = problem.space.names
    assert problem.warning(problem.unmoved(J)).startswith(
        f"The Projection of the Tone has a derivative of zero in some sounds: {first} in 1 of 3. Rounding"
    )
    assert f"in this sound: {first}. " in problem.warning(problem.unmoved(J[1:2]))
    assert problem.warning(torch.zeros(3, 2, dtype=torch.bool)) == ""
    assert second not in problem.warning(problem.unmoved(J))


def test_a_step_of_the_differences_as_long_as_the_parameters_moves_it(stepped):
    synth = registry.build("synth", stepped)
    feature = registry.build("feature", "mss", {"n_fft": [64]}, signal=synth.signal)
    nu = torch.rand(8, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 1.6 - 0.8
    short, long = (Problem(synth, feature, ProblemOptions(step=step)) for step in (1e-4, 50 / 450))
    assert short.unmoved(short.jacobian(nu)).sum(0).tolist() == [8, 0]
    assert "problem.step to at least one step" in short.remedy
    assert not long.unmoved(long.jacobian(nu)).any()


def test_run_says_in_how_many_sounds(stepped, toy, invsound):
    result = invsound(*toy(stepped, "--out", "run"))
    assert result.exit_code == 0, result.stderr
    assert "mss (invsound-mss" in result.stderr
    assert "has a derivative of zero in some sounds: f in 16 of 16. If what it renders moves in steps, set problem.step" in result.stderr
    assert "derivative of zero" not in invsound(*toy(stepped, "problem.step=0.12", "--out", "long")).stderr


def test_run_says_that_sounds_are_alike_to_the_encoder(stepped, toy, invsound):
    Path("table.csv").write_text("f,tau\n" + "".join(f"{500 + i},0.05\n" for i in range(15)))  # all of them render 500 Hz
    result = invsound(*toy(stepped, "data.design=csv", "data.csv=table.csv", "--out", "run", loss="ploss"))
    assert result.exit_code == 0, result.stderr
    alike, n = map(int, re.search(r"(\d+) of (\d+) training sounds are to the encoder what another one is", result.stderr).groups())
    assert (alike, n) == (n - 1, 9)


def test_a_representation_that_hears_nothing_is_an_error(stepped, toy, invsound):
    arguments = [a for a in toy(stepped, "--out", "run", feature="deaf") if not str(a).startswith("feature.")]
    result = invsound(*arguments)
    assert result.exit_code == 1
    assert "Every Jacobian of the training fold is zero" in result.stderr


def test_a_loss_of_zero_and_an_untrained_encoder_that_is_kept_are_said():
    def epochs(*losses):
        return [{"epoch": k, "val_loss": loss} | ({"train_loss": 1.0} if k else {}) for k, loss in enumerate(losses)]

    assert "is 0 from the start" in learning.told(epochs(0.0, 0.0, 0.0))
    assert "untrained encoder, which is kept" in learning.told(epochs(1.0, 1.01, 1.0))
    assert learning.told(epochs(1.0, 1.01, 1.0), keep="last") is None
    assert learning.told(epochs(1.0, 0.5, 0.4)) is None
    assert learning.told(epochs(1.0)) is None


@pytest.fixture
def sound():
    import soundfile

    t = np.arange(512) / 8000
    soundfile.write("x.wav", np.exp(-t / 0.03) * np.sin(2 * np.pi * 460 * t), 8000, subtype="FLOAT")
    return "x.wav"


HOW = ["--candidates", 8, "--evaluations", 60, "--no-survey", "--jobs", 1, "--json"]


def test_match_does_not_blame_the_synthesizer(stepped, sound, invsound):
    result = invsound("match", sound, "--synth", stepped, "--feature", "mss", "feature.n_fft=[64]", *HOW)
    found = json.loads(result.stdout)
    assert "has a derivative of zero in this sound: f. If what it renders moves in steps, set problem.step" in found["advice"]
    assert "Converged" not in found["advice"]
    assert not found["determined"]["f"]


def test_match_finds_nothing_where_nothing_is_heard(stepped, sound, invsound):
    found = json.loads(invsound("match", sound, "--synth", stepped, "--feature", "deaf", *HOW).stdout)
    assert found["advice"].startswith("Not determined")
    assert "derivative of zero in this sound: f, tau" in found["advice"]


def test_doctor_radius_finds_no_line_where_nothing_moves(stepped, invsound):
    result = invsound(
        "doctor", "radius", "--synth", stepped, "--feature", "mss", "feature.n_fft=[64]", "--sounds", 4, "--json", "--out", "r"
    )
    found = json.loads(result.stdout)
    assert (found["unmoved"], found["radius"]["f"]) == ({"f": 4, "tau": 0}, None)
    assert found["errors"]["f"][0] == 1
    assert "f in 4 of 4" in result.stderr
    assert "no derivative" in Path("r/radius.html").read_text()


def test_check_plugin_says_which_parameter_and_part(stepped, invsound):
    result = invsound("check-plugin", "stepped-synth")
    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    assert "Along f it is zero in 4 of 4 random sounds" in said
    assert "Two noises became the same row" in said
