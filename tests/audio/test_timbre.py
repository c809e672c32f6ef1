"""Timbre: rows are independent, dtype follows, no NaN leaves it nor its derivatives, and it hears what is loud where and when."""

import pytest
import torch

import invsound

RATE, N = 8000, 4096


def tones(*frequencies, decay=0.05):
    t = torch.arange(N, dtype=torch.float64) / RATE
    return torch.stack([torch.exp(-t / decay) * torch.sin(2 * torch.pi * f * t) for f in frequencies])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_are_independent_and_dtype_follows(dtype):
    x = tones(200, 500, 1300).to(dtype)
    heard = invsound.timbre(x, RATE)
    assert heard.dtype == dtype
    torch.testing.assert_close(heard, torch.cat([invsound.timbre(row[None], RATE) for row in x]))


def test_the_derivative_is_that_of_differences():
    x, direction = torch.randn(2, 1, N, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    slope = torch.func.jvp(lambda x: invsound.timbre(x, RATE), (x,), (direction,))[1]
    difference = (invsound.timbre(x + 1e-6 * direction, RATE) - invsound.timbre(x - 1e-6 * direction, RATE)) / 2e-6
    torch.testing.assert_close(slope, difference, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("tail", [0.0, 1e-30, 1e-42])
@pytest.mark.parametrize("direction", [0.0, 1e-30, 1.0])
def test_silence_has_a_derivative(tail, direction):
    x = tones(200).float()
    x[:, 1000:] = tail
    both = torch.func.jvp(lambda x: invsound.timbre(x, RATE), (x,), (torch.full_like(x, direction),))
    assert all(part.isfinite().all() for part in both)
    assert torch.func.vjp(lambda x: invsound.timbre(x, RATE).sum(), x)[1](torch.tensor(1.0))[0].isfinite().all()


def test_it_is_farther_to_what_is_farther_in_pitch_in_level_and_in_time():
    heard = invsound.timbre(
        torch.cat([tones(300, 330, 600), 0.5 * tones(300), 0.1 * tones(300), tones(300, decay=0.04), tones(300, decay=0.01)]), RATE
    )
    away = (heard - heard[:1]).norm(dim=1)
    for near, far in ((1, 2), (3, 4), (5, 6)):
        assert 0 < away[near] < away[far]
