"""A recording is believed as far as it goes: cut, it ends a little before the cut; faded, before the fade; decayed, with its file."""

import numpy as np
import pytest

from invsound.audio.extent import MARGIN, ending
from invsound.audio.recording import load_samples
from invsound.signal import Signal

RATE = 22050
SECONDS = 0.45
FADES = {"linear": lambda t: 1 - t, "exponential": lambda t: np.exp(-7 * t), "cosine": lambda t: 0.5 + 0.5 * np.cos(np.pi * t)}


def drum(tau: float, frequency: float = 120.0, seconds: float = SECONDS) -> np.ndarray:
    """Twelve modes, the higher the shorter."""
    t = np.arange(round(seconds * RATE)) / RATE
    modes = [np.exp(-t * (1 + 0.1 * k * k) / tau) * np.sin(2 * np.pi * frequency * (1 + 0.61 * k) * t) / (1 + k) for k in range(12)]
    return np.sum(modes, axis=0)


@pytest.mark.parametrize("frequency", [45.0, 120.0, 700.0])
@pytest.mark.parametrize("tau", [0.15, 0.3, 0.8])
def test_a_cut(tau, frequency):
    assert ending(drum(tau, frequency), RATE) == round(SECONDS * RATE) - round(MARGIN * RATE)


@pytest.mark.parametrize("fade", FADES)
@pytest.mark.parametrize("seconds", [0.03, 0.06, 0.1])
@pytest.mark.parametrize("frequency", [60.0, 120.0, 700.0])
def test_a_fade_is_left_out_and_little_else(fade, seconds, frequency):
    x, n = drum(0.6, frequency), round(seconds * RATE)
    x[-n:] *= FADES[fade](np.arange(n) / n)
    end = ending(np.pad(x, (0, 1000)), RATE)
    faded = len(x) - n
    assert faded - 0.05 * RATE < end <= len(x)
    kept = FADES[fade](np.clip((end - faded) / n, 0, 1))
    assert kept > 0.9


@pytest.mark.parametrize("noise", [0.0, 1e-4])
@pytest.mark.parametrize("tau", [0.02, 0.05, 0.07])
def test_what_has_decayed_ends_by_itself(tau, noise):
    assert ending(drum(tau) + noise * np.random.default_rng(0).standard_normal(round(SECONDS * RATE)), RATE) is None


def test_nothing_ends_where_there_is_nothing():
    assert ending(np.zeros(RATE), RATE) is None
    assert ending(np.ones(10), RATE) is None
    assert ending(np.empty(0), RATE) is None


def test_a_recording_says_until_when_it_is_compared():
    cut = load_samples(drum(0.6), RATE, Signal(RATE, 32768))
    assert cut.end == pytest.approx((SECONDS - MARGIN) * RATE, abs=1)
    assert "cut or faded out while it sounds: compared until 0.430 s" in cut.notes
    assert load_samples(drum(0.6), RATE, Signal(RATE, 8192)).end is None  # nothing is missing
    assert load_samples(drum(0.05), RATE, Signal(RATE, 32768)).end is None


@pytest.mark.parametrize("rate", [44100, 48000, 8000])
def test_at_another_rate(rate):
    t = np.arange(round(SECONDS * rate)) / rate
    end = load_samples(np.exp(-t / 0.6) * np.sin(2 * np.pi * 300 * t), rate, Signal(RATE, 32768)).end
    assert end == pytest.approx((SECONDS - MARGIN) * RATE, abs=0.006 * RATE)
