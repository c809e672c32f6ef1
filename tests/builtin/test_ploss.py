"""P-loss: what a parameter costs that is off."""

import pytest
import torch

import invsound
from invsound import UsageError
from invsound.hooks import registry
from invsound.testing import toys


def loss_of(problem, **options):
    return registry.build("loss", "ploss", options, problem=problem)


def organ():
    synth = toys.Organ()
    return invsound.Problem(synth, registry.build("feature", "mss", {"n_fft": [64]}, signal=synth.signal))


NU_HAT = torch.tensor([[0.5, -0.25], [0.0, 1.0]])
NU = torch.tensor([[0.0, 0.25], [0.5, 1.0]])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.25, 0.125]),
        ({"shape": "absolute"}, [1.0, 0.5]),
        ({"weights": {"f": 3}}, [(3 * 0.125 + 0.125) / 2, 3 * 0.125 / 2]),
        ({"weights": {"f": 3, "tau": 0}, "shape": "absolute"}, [3 * 0.5 / 1.5, 3 * 0.5 / 1.5]),
        ({"weights": {"f": 7, "tau": 7}}, [0.25, 0.125]),  # their ratio alone counts
    ],
)
def test_shape_and_weights_are_as_the_formula_says(options, expected):
    problem = toys.problem()
    assert problem.space.names == ("f", "tau")
    found = loss_of(problem, **options)(NU_HAT, NU, torch.empty(2, 0))
    torch.testing.assert_close(found, torch.tensor(expected))


@pytest.mark.parametrize("choices", ["square", "cross_entropy"])
def test_of_a_choice_the_weight_is_that_of_its_options_and_the_shape_is_that_of_numbers(choices):
    problem = organ()
    nu = problem.space.to_nu(problem.space.to_theta(torch.zeros(1, problem.space.width, dtype=torch.float64)))
    wave = problem.space.slices[problem.space.names.index("wave")]
    nu_hat = nu.clone()
    nu_hat[:, wave] = 0.2
    plain = loss_of(problem, choices=choices)(nu_hat, nu, nu.new_empty(1, 0))
    torch.testing.assert_close(loss_of(problem, choices=choices, shape="absolute")(nu_hat, nu, nu.new_empty(1, 0)), plain)
    count = len(problem.space)
    weighted = loss_of(problem, choices=choices, weights={"wave": 3})(nu_hat, nu, nu.new_empty(1, 0))
    torch.testing.assert_close(weighted, plain * 3 * count / (count + 2))


def test_weights_that_say_nothing_are_refused():
    problem = toys.problem()
    with pytest.raises(UsageError, match=r"no parameter 'taw'\. Did you mean 'tau'"):
        loss_of(problem, weights={"taw": 1})
    with pytest.raises(UsageError, match="all are 0"):
        loss_of(problem, weights={"f": 0, "tau": 0})
    for wrong in ({"f": -1}, {"f": float("nan")}, {"f": float("inf")}, {"f": "much"}, 3):
        with pytest.raises(UsageError, match="option weights takes"):
            loss_of(problem, weights=wrong)


class Duet(invsound.Synth):
    """Two tones, which are heard the same whichever is which."""

    def __init__(self):
        super().__init__(toys.NoOptions())
        low, high = (invsound.Parameter(name, "Hz", 200, 1000, "log") for name in ("first", "second"))
        self.space = invsound.Space(low, invsound.Parameter("tau", "s", 0.004, 0.02), high)
        self.signal = invsound.Signal(8000, 128)

    def forward(self, theta):
        tone = toys.Tone()
        return tone(theta[:, :2]) + tone(theta[:, [2, 1]])


def test_exchangeable_parameters_are_asked_for_in_one_order():
    synth = Duet()
    problem = invsound.Problem(synth, registry.build("feature", "mss", {"n_fft": [64]}, signal=synth.signal))
    loss = loss_of(problem, exchangeable=["second", "first"], weights={"second": 4})
    nu = torch.tensor([[0.5, 0.1, -0.25], [-0.25, 0.1, 0.5]])
    torch.testing.assert_close(problem.render(nu)[0], problem.render(nu)[1])
    found = loss(torch.tensor([[-0.25, 0.1, 0.0]]).expand(2, -1), nu, torch.empty(2, 0))
    torch.testing.assert_close(found, torch.full((2,), 0.5 * 0.5**2 * 4 / 2))
    assert torch.equal(nu[0], torch.tensor([0.5, 0.1, -0.25]))
    with pytest.raises(UsageError, match=r"loss.exchangeable: there is no parameter 'thrid'"):
        loss_of(problem, exchangeable=["thrid"])
    for wrong in (["first"], ["first", "tau"]):
        with pytest.raises(UsageError, match="two or more numbers of one range"):
            loss_of(problem, exchangeable=wrong)
    choosing = organ()
    with pytest.raises(UsageError, match="two or more numbers of one range"):
        loss_of(choosing, exchangeable=["wave", "filter"])
