"""The laws of a synthesizer; and that the sum of harmonics is what the delay line plays."""

import math

import torch
from invsound.testing import SynthContract

from invsound_karplus.string import KarplusStrong, KarplusStrongOptions

RATE, PERIOD = 16000, 64


class TestKarplusStrong(SynthContract):
    part = "karplus"
    options = {"num_samples": 1024}


def recursion(turns: int, rho: float) -> torch.Tensor:
    """y[n] = ρ (y[n − p] + y[n − p − 1]) / 2 after Karplus & Strong, from p + 1 samples of noise; a period lasts p + ½ samples."""
    y = torch.randn(PERIOD + 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64).tolist()
    for n in range(PERIOD + 1, turns * PERIOD):
        y.append(rho * 0.5 * (y[n - PERIOD] + y[n - PERIOD - 1]))
    return torch.tensor(y, dtype=torch.float64)


def level(x: torch.Tensor, f: float, start: int, length: int = 4096) -> float:
    """The level at f Hz of a stretch of x, in nepers."""
    n = torch.arange(length, dtype=torch.float64)
    tone = torch.polar(torch.hann_window(length, dtype=torch.float64), -2 * math.pi * f / RATE * n)
    return float((x[start : start + length] * tone).sum().abs().log())


def test_harmonics_decay_as_in_the_delay_line():
    f0, t60 = RATE / (PERIOD + 0.5), 2.0
    y = recursion(200, rho=10 ** (-3 / (f0 * t60)))
    string = KarplusStrong(KarplusStrongOptions(RATE, len(y)))
    x = string(torch.tensor([[f0, t60, 0.5, 0.5]], dtype=torch.float64))[0]
    for k in (1, 3, 5, 7):
        of_line = level(y, k * f0, 0) - level(y, k * f0, 4000)
        of_sum = level(x, k * f0, 0) - level(x, k * f0, 4000)
        assert abs(of_sum - of_line) < 0.01 * of_line + 0.01


def test_a_string_plucked_in_the_middle_has_no_even_harmonics():
    string = KarplusStrong(KarplusStrongOptions())
    x = string(torch.tensor([[200.0, 4.0, 0.1, 0.5]]))[0].double()
    assert level(x, 400, 0) < min(level(x, 200, 0), level(x, 600, 0)) - 5


def test_the_noise_is_the_seed_s():
    strings = [KarplusStrong(KarplusStrongOptions(num_samples=256, seed=seed)) for seed in (0, 0, 1)]
    theta = torch.tensor([[200.0, 1.0, 0.2, 0.3]])
    first, again, other = (string(theta) for string in strings)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.1)
