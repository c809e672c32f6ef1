"""The modal engine against the sum it stands for."""

from __future__ import annotations

import math

import pytest
import torch
from invsound_ftm.modes import below_nyquist, excitation, modal_sum, peak_normalize
from torch import Tensor


def some(K: int, B: int = 2, sigma: float = 0.01) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    A, omega, decay = torch.rand(3, B, K, generator=generator, dtype=torch.float64)
    return A - 0.5, math.pi * omega, sigma * decay


def direct(A: Tensor, omega: Tensor, sigma: Tensor, N: int) -> Tensor:
    n = torch.arange(N, dtype=A.dtype)
    return (A[..., None] * torch.exp(-sigma[..., None] * n) * torch.sin(omega[..., None] * n)).sum(-2)


@pytest.mark.parametrize("N", [2, 3, 16, 17, 1000, 65536])
def test_the_product_is_the_sum(N: int) -> None:
    modes = some(7, sigma=20 / N)
    torch.testing.assert_close(modal_sum(*modes, N, torch.float64), direct(*modes, N), rtol=0, atol=1e-10)
    torch.testing.assert_close(modal_sum(*modes, N, torch.float32).double(), direct(*modes, N), rtol=0, atol=2e-6)


def test_modes_that_die_at_once_leave_no_denormals() -> None:
    A, omega, sigma = some(5)
    x = modal_sum(A, omega, sigma + torch.tensor([0.0, 0.1, 1, 100, 1e7]).double(), 4096, torch.float32)
    assert x.isfinite().all()
    assert ((x == 0) | (x.abs() > torch.finfo(torch.float32).tiny)).all()


def test_derivatives_of_first_and_second_order() -> None:
    inputs = [t.requires_grad_() for t in some(3)]
    assert torch.autograd.gradcheck(lambda *m: modal_sum(*m, 21, torch.float64), inputs, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(lambda *m: modal_sum(*m, 21, torch.float64), inputs)


@pytest.mark.parametrize("transform", [torch.func.jacfwd, torch.func.jacrev, torch.func.hessian])
def test_torch_func_agrees_with_the_direct_sum(transform) -> None:  # type: ignore[no-untyped-def]
    A, omega, sigma = some(3, B=1)
    fast, slow = (
        transform(f, argnums=(0, 1, 2))(A, omega, sigma) for f in (lambda *m: modal_sum(*m, 21, torch.float64), lambda *m: direct(*m, 21))
    )
    torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-9)


def test_below_nyquist_judges_each_mode() -> None:
    omega = torch.tensor([[1.0, math.pi, 3.1, 4.0]], dtype=torch.float64)
    assert below_nyquist(omega, torch.ones_like(omega)).tolist() == [[1, 0, 1, 0]]


def test_modes_at_a_node_are_exactly_silent() -> None:
    assert excitation(10, 0.4, 0.3).eq(0).nonzero().flatten().tolist() == [4, 9]


def test_peak_normalize_is_flat_along_the_scale_and_keeps_silence() -> None:
    x = torch.tensor([[0.5, -2.0, 1.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    y, tangent = torch.func.jvp(peak_normalize, (x,), (x,))
    assert y.tolist() == [[0.25, -1.0, 0.5], [0.0, 0.0, 0.0]]
    assert tangent.abs().max() == 0
