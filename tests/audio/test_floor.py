"""What is noise in a recording is heard: as loud and as coloured, before the onset or after the decay; a sound's own end is none."""

import numpy as np
import pytest

from invsound.audio import floor as floors
from invsound.audio.floor import floor
from invsound.audio.recording import load_samples
from invsound.signal import Signal

RATE, N = 22050, 44100
NOTHING = np.empty(0)


def drum(tau, frequency=200.0):
    t = np.arange(N) / RATE
    return np.exp(-t / tau) * np.sin(2 * np.pi * frequency * t)


def noise(n, seed=1):
    """Falling by 6 dB per octave from 2 kHz, of RMS 1."""
    white = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    y = np.fft.irfft(white / (1 + np.linspace(0, RATE / 2, len(white)) / 2000), n)
    return y / np.sqrt(np.mean(y**2))


def bands(x):
    """Decibels in octaves."""
    power = floors._welch(x)
    return [10 * np.log10(power[2**k : 2 ** (k + 1)].mean()) for k in range(3, 9)]


@pytest.mark.parametrize("decibels", [-60, -40, -25])
@pytest.mark.parametrize("before", [0.0, 0.5])
def test_it_is_as_loud_and_as_coloured(decibels, before):
    gain, m = 10 ** (decibels / 20), round(before * RATE)
    whole = noise(N + m) * gain
    found = floor(drum(0.05) + whole[m:], RATE, whole[:m])
    assert np.abs(np.subtract(bands(found), bands(whole))).max() < 1.5
    assert np.sqrt(np.mean(found**2)) == pytest.approx(gain, rel=0.1)
    np.testing.assert_array_equal(found, floor(drum(0.05) + whole[m:], RATE, whole[:m]))


@pytest.mark.parametrize("x", [drum(0.05), drum(0.3), drum(2.0), drum(1e9), np.zeros(N), noise(N), NOTHING, np.ones(10)])
def test_the_end_of_a_sound_is_none(x):
    assert floor(x, RATE, NOTHING) is None


def test_a_tone_is_no_part_of_it():
    hum, hiss = 0.01 * np.sin(np.arange(RATE) * 0.1), noise(RATE) * 1e-3
    found = floor(drum(0.05), RATE, hum)
    assert found is None or np.sqrt(np.mean(found**2)) < 0.03 * np.sqrt(np.mean(hum**2))
    found = floor(drum(0.05), RATE, hum + hiss)
    assert np.sqrt(np.mean(found**2)) == pytest.approx(1e-3, rel=0.15)


@pytest.mark.parametrize("rate", [22050, 44100])
def test_a_recording_has_that_of_its_file_until_it_ends(rate):
    n = 2 * rate
    t = np.arange(n) / rate - 0.5
    x = 0.2 * np.where(t > 0, np.exp(-t / 0.05) * np.sin(2 * np.pi * 200 * t), 0) + 0.002 * np.random.default_rng(0).standard_normal(n)
    found = load_samples(x, rate, Signal(22050, 3 * 22050))
    assert any("noise floor" in note for note in found.notes)
    sounding = round(1.5 * 22050)
    assert float(found.floor[:sounding].std()) == pytest.approx(float(found.x[sounding - 8000 : sounding].std()), rel=0.1)
    assert not found.floor[sounding + 1200 :].any()
    assert load_samples(x * (t > 0), rate, Signal(22050, 3 * 22050)).notes != found.notes
