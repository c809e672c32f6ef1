"""A synthesizer that cannot be differentiated still works, and a message says what it cannot do."""

import json

import pytest
import torch

import invsound as api
from invsound.problem import Problem, ProblemOptions

BLACK_BOX = """

class BlackBox(Tiny):
    differentiable = False
    def forward(self, theta):
        return super().forward(theta.detach())
"""
HOOK = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_synths():\n    return [Part('box', 'box_parts:BlackBox')]\n"
TOY = ["data.train=8", "data.val=8", "data.test=4", "train.epochs=2", "evaluate.scores=[mss]", "feature.n_fft=[256]", "--jobs", "1"]


@pytest.fixture
def box(install, tiny_source):
    install("box-synth", HOOK, box_parts=tiny_source + BLACK_BOX)
    return "box"


@pytest.mark.parametrize("loss", ["ploss", "pnp"])
def test_losses_that_need_no_gradient_train(box, loss, invsound):
    result = invsound("run", "--synth", box, "--feature", "mss", "--loss", loss, *TOY, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["scores"]["mss"]["trained"]["macro"] > 0


def test_a_loss_that_differentiates_through_it_says_so(box, invsound):
    result = invsound("run", "--synth", box, "--feature", "mss", "--loss", "ddsp", *TOY)
    assert result.exit_code == 2
    assert "The loss 'ddsp' differentiates through the synth 'box', which is not differentiable" in result.stderr
    forward = invsound("run", "--synth", box, "--feature", "mss", "--loss", "pnp", "problem.jacobian=forward", *TOY)
    assert forward.exit_code == 2
    assert "problem.jacobian=finite" in forward.stderr


def test_a_solver_that_needs_gradients_says_so_and_lm_works(box, invsound):
    invsound("render", "--synth", box, "f=300", "--out", "x.wav")
    arguments = ["match", "x.wav", "--synth", box, "--feature", "mss", "feature.n_fft=[256]"]
    result = invsound(*arguments, "--solver", "descent")
    assert result.exit_code == 2
    assert "needs gradients" in result.stderr
    assert invsound(*arguments, "--solver", "lm").exit_code == 0


def test_cma_matches_it(box, invsound):
    invsound("render", "--synth", box, "f=500", "tau=0.09", "--out", "x.wav")  # its peak is 0.994, and files are scaled to 1
    arguments = ["match", "x.wav", "--synth", box, "--feature", "mss", "feature.n_fft=[256]", "--candidates", 16, "--starts", 2]
    result = invsound(*arguments, "--solver", "cma", "solver.evaluations=1000", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["distance"] < 0.01 * found["random_distance"]
    assert found["parameters"]["f"] == pytest.approx(500, rel=1e-3)
    assert found["parameters"]["tau"] == pytest.approx(0.09, rel=0.02)


def test_finite_differences_agree_with_forward_mode_also_at_the_bounds(tiny):
    synth = api.make("synth", tiny)
    feature = api.make("feature", "mss", signal=synth.signal, n_fft=[256])
    nu = torch.tensor([[0.1, -0.2], [1.0, -1.0]], dtype=torch.float64)
    finite = Problem(synth, feature, ProblemOptions(jacobian="finite", step=1e-6)).jacobian(nu)
    forward = Problem(synth, feature).jacobian(nu)
    torch.testing.assert_close(finite, forward, rtol=0, atol=1e-3 * float(forward.abs().max()))
