"""Laws of the parameter space."""

import pytest
import torch

from invsound import Parameter, Space, UsageError

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
