"""Laws of the parameter space."""

import pytest
import torch

from invsound import Parameter, Space, UsageError
from invsound.space import SpaceOptions

SPACE = Space(Parameter("omega", "rad/s", 100, 10000, "log"), Parameter("alpha", "", 0, 2), Parameter("big", "Hz", 0, 1e5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_theta_and_nu_are_inverse_and_keep_the_dtype(dtype):
    nu = torch.rand(50, 3, dtype=dtype, generator=torch.Generator().manual_seed(0)) * 2 - 1
    theta = SPACE.to_theta(nu)
    assert theta.dtype == dtype
    torch.testing.assert_close(SPACE.to_nu(theta), nu, atol=1e-5, rtol=0)


def test_bounds_are_nu_minus_one_and_one_and_mid_range_is_zero():
    ends = SPACE.to_theta(torch.tensor([[-1.0, -1, -1], [1, 1, 1], [0, 0, 0]], dtype=torch.float64))
    expected = torch.tensor([[100, 0, 0], [10000, 2, 1e5], [1000, 1, 5e4]], dtype=torch.float64)
    torch.testing.assert_close(ends, expected)


def test_both_directions_are_differentiable_without_nan():
    nu = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(SPACE.to_theta, nu, check_forward_ad=True, atol=1e-3)
    theta = SPACE.to_theta(nu).detach().requires_grad_()
    assert torch.autograd.gradcheck(SPACE.to_nu, theta, check_forward_ad=True)


def test_named_values_and_mid_range():
    assert SPACE.values({"alpha": 0.5}).tolist() == pytest.approx([1000, 0.5, 5e4])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"omeg": 1}, "Did you mean 'omega'"),
        ({"alpha": 3}, "out of bounds. Choose between 0 and 2"),
        ({"alpha": float("nan")}, "out of bounds"),
    ],
)
def test_unknown_names_and_values_out_of_bounds_are_usage_errors(given, message):
    with pytest.raises(UsageError, match=message):
        SPACE.values(given)


@pytest.mark.parametrize("wrong", [("x", "", 1, 0), ("x", "", 0, 1, "log"), ("x", "", 0, 1, "cubic"), ("x", "", 0, float("inf"))])
def test_a_parameter_without_a_proper_range_is_refused(wrong):
    with pytest.raises(ValueError, match="parameter 'x'"):
        Parameter(*wrong)


def test_names_differ():
    with pytest.raises(ValueError, match="must differ"):
        Space(Parameter("a", "", 0, 1), Parameter("a", "", 0, 1))


@pytest.mark.parametrize("normalize", ["minmax", "none"])
@pytest.mark.parametrize("scale", ["declared", "log", "linear"])
def test_rescaled_coordinates_are_a_map_and_its_inverse(scale, normalize):
    declared = Space(Parameter("f", "Hz", 100, 10000, "log"), Parameter("tau", "s", 0.1, 1))
    space = declared.rescaled(SpaceOptions(scale, normalize))
    theta = torch.tensor([[100.0, 0.1], [1000.0, 0.5], [10000.0, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(space.to_theta(space.to_nu(theta)), theta)
    low, high = space.bounds(theta)
    torch.testing.assert_close(space.to_nu(theta)[[0, 2]], torch.stack([low, high]))
    f = {"declared": 3.0, "log": 3.0, "linear": 1000.0}[scale] if normalize == "none" else {"linear": -1 + 2 * 900 / 9900}.get(scale, 0.0)
    assert float(space.to_nu(theta)[1, 0]) == pytest.approx(f)
    assert (space is declared) == (scale == "declared" and normalize == "minmax")
    assert space.names == declared.names


def test_no_logarithm_of_zero():
    with pytest.raises(ValueError, match="parameter 'a': a log scale needs low > 0"):
        Space(Parameter("a", "", 0, 1)).rescaled(SpaceOptions("log"))
