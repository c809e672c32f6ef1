"""A glide is heard, and undone."""

from __future__ import annotations

import math

import pytest
import torch
from invsound_ftm.clock import clock, glide, steady
from torch import Tensor

RATE, TIMES = 22050.0, (5e-3, 0.5)


def gliding(by: float, time: float) -> Tensor:
    t = clock(torch.arange(16384, dtype=torch.float64) / RATE, by, time)
    partials = ((300.0, 5.0), (640.0, 8.0), (1010.0, 12.0))
    return torch.stack([torch.exp(-sigma * t) * torch.sin(2 * math.pi * f * t) for f, sigma in partials]).sum(0)


def test_by_its_own_clock_a_sound_is_steady() -> None:
    still, m = gliding(0, 0.1), steady(gliding(0.3, 0.1), RATE, 0.3, 0.1)
    assert (16383 * 0.7) < len(m) < 16384
    torch.testing.assert_close(m[:-1], still[: len(m) - 1], rtol=0, atol=0.02)
    torch.testing.assert_close(steady(still, RATE, 0, 0.1), still, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("by", "time"), [(0.05, 0.08), (0.3, 0.1), (0.6, 0.03)])
def test_a_glide_is_heard(by: float, time: float) -> None:
    t = torch.arange(6000, dtype=torch.float64) / RATE
    heard = clock(t, *glide(gliding(by, time), RATE, 0.9, TIMES))
    assert (heard - clock(t, by, time)).abs().max() < 0.2 * (t - clock(t, by, time)).max()


def test_where_nothing_glides_none_is_heard() -> None:
    assert glide(gliding(0, 0.1), RATE, 0.9, TIMES)[0] < 3e-3
