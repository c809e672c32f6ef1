"""The multi-scale spectrogram: its definition, its scale, its derivatives."""

import math

import pytest
import torch
from invsound_mss.feature import MSS, MSSOptions

from invsound import Signal

signal = Signal(8192, 500)
small = MSSOptions(n_fft=[256, 64])


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def test_agrees_with_the_sum_over_a_window() -> None:
    x, n, hop = noise(1, 500), 64, 16
    S = MSS(signal, MSSOptions(n_fft=[n]))(x).view(1 + 500 // hop, 1 + n // 2)
    m = torch.arange(n, dtype=torch.float64)
    w = torch.sin(math.pi * m / n) ** 2
    w = w * math.sqrt(2 * hop / n / (w**2).sum())
    for j, k in (0, 0), (3, 5), (17, 32), (31, 1):
        samples = j * hop - n // 2 + m.long()
        inside = torch.where((samples >= 0) & (samples < 500), x[0, samples.clamp(0, 499)], 0)
        expected = (inside * w * torch.polar(torch.ones_like(m), -2 * math.pi * k * m / n)).sum().abs()
        assert torch.allclose(S[j, k], expected)


def test_every_scale_has_the_norm_of_the_sound() -> None:
    x = noise(2, 20_000)
    for n in MSSOptions().n_fft:
        S = MSS(Signal(8192, 20_000), MSSOptions(n_fft=[n]))(x)
        assert torch.allclose(S.norm(dim=1), x.norm(dim=1), rtol=0.05)


@pytest.mark.parametrize("num_samples", [1, 63, 500, 4096])
def test_batch_is_a_loop_at_any_length(num_samples: int) -> None:
    feature, x = MSS(Signal(8192, num_samples), MSSOptions()), noise(3, num_samples)
    S = feature(x)
    assert S.shape == (3, sum((1 + n // 2) * (1 + num_samples // (n // 4)) for n in feature.options.n_fft))
    assert torch.allclose(S, torch.cat([feature(row[None]) for row in x]))
    assert feature(x.float()).dtype == torch.float32
    assert torch.allclose(feature(x.float()).double(), S, atol=1e-5)


@pytest.mark.parametrize("log", [False, True])
def test_forward_and_reverse_derivatives_are_central_differences(log: bool) -> None:
    feature, x, direction = MSS(signal, MSSOptions(n_fft=[256, 64], log=log)), noise(2, 500), noise(4, 500)[2:]
    tangent = torch.func.jvp(feature, (x,), (direction,))[1]
    difference = (feature(x + 1e-6 * direction) - feature(x - 1e-6 * direction)) / 2e-6
    assert (tangent - difference).norm() < 1e-5 * difference.norm()
    cotangent = noise(*tangent.shape)
    pulled = torch.func.vjp(feature, x)[1](cotangent)[0]
    assert torch.allclose((pulled * direction).sum(), (cotangent * tangent).sum())


def test_directions_travel_together_under_vmap() -> None:
    feature, x, directions = MSS(signal, small), noise(2, 500), noise(3, 2, 500)

    def push(direction: torch.Tensor) -> torch.Tensor:
        return torch.func.jvp(feature, (x,), (direction,))[1]

    together = torch.func.vmap(push)(directions)
    assert torch.allclose(together, torch.stack([push(direction) for direction in directions]))


@pytest.mark.parametrize("log", [False, True])
def test_derivatives_on_silence_are_zero(log: bool) -> None:
    feature, x = MSS(signal, MSSOptions(n_fft=[256, 64], log=log)), torch.zeros(2, 500)
    x[1, 250] = 1e-30
    S, tangent = torch.func.jvp(feature, (x,), (torch.ones_like(x),))
    assert S.isfinite().all()
    assert tangent.isfinite().all()
    assert (S[0] == 0).all()
    assert (tangent[0] == 0).all()
    pulled = torch.func.vjp(feature, x)[1](torch.ones_like(S))[0]
    assert pulled.isfinite().all()
    assert (pulled[0] == 0).all()


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValueError, match="n_fft"):
        MSSOptions(n_fft=[])
    with pytest.raises(ValueError, match="hop_ratio"):
        MSSOptions(hop_ratio=0.0)
