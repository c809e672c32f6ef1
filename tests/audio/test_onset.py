"""What nobody hears is no part of the sound: offsets, channels that cancel, clicks before it; and it is said."""

from __future__ import annotations

import numpy as np
import pytest

from invsound.audio.recording import Recording, load_samples
from invsound.signal import Signal

RATE = 22050
SIGNAL = Signal(RATE, 32768)
N = 3 * RATE
NOISE = np.random.default_rng(0).standard_normal(N)


def drum(start: float, amplitude: float = 0.25, decay: float = 0.05, frequency: float = 150.0) -> np.ndarray:
    t = np.arange(N) / RATE - start
    return np.asarray(amplitude * np.where(t >= 0, np.exp(-np.abs(t) / decay) * np.sin(2 * np.pi * frequency * t), 0.0))


def heard(x: np.ndarray, **options: float) -> Recording:
    return load_samples(x, RATE, SIGNAL, **options)


def ignored(found: Recording) -> list[str]:
    return [note for note in found.notes if note.startswith("ignored before the onset")]


@pytest.mark.parametrize("noise", [0.0, 1e-4, 1e-3])
@pytest.mark.parametrize("width", [1, 20, 100])
@pytest.mark.parametrize("level", [0.1, 1.0, -1.0])
def test_a_click_before_the_drum_is_not_the_drum(level: float, width: int, noise: float) -> None:
    x = drum(1.5) + noise * NOISE
    x[RATE // 2 : RATE // 2 + width] += level
    found = heard(x)
    assert 1.49 < found.onset <= 1.5
    assert ignored(found) == ["ignored before the onset: a click or a weak sound at 0.500 s"]
    assert found.gain < 0.26  # nor does it set the level


def test_clicks_may_be_many_and_anywhere_before() -> None:
    x = drum(1.5)
    x[[0, 2000, 4000, 9000, 20000]] = 0.5
    found = heard(x)
    assert 1.49 < found.onset <= 1.5
    assert ignored(found) == ["ignored before the onset: a click or a weak sound at 0.000 s, 0.090 s, 0.181 s and 2 more"]


def test_a_click_in_the_lead_is_silenced() -> None:
    x = drum(1.5)
    x[RATE] = 1.0
    found = heard(x, lead=1.0)
    assert found.onset == pytest.approx(0.5, abs=0.01)
    assert found.x[: RATE - 200].abs().max() == 0
    assert found.gain < 0.26


def test_a_click_alone_or_after_the_onset_is_part_of_the_sound() -> None:
    x = drum(0.5)
    x[2 * RATE] = 1.0
    assert heard(x).onset == pytest.approx(0.5, abs=0.01)
    alone = np.zeros(N)
    alone[RATE] = 0.5
    assert heard(alone).onset == pytest.approx(1.0, abs=0.01)
    assert not ignored(heard(alone))


@pytest.mark.parametrize("decay", [0.002, 0.05, 0.3])
@pytest.mark.parametrize("first", [0.05, 0.25])
def test_of_many_strokes_the_first_is_the_sound(decay: float, first: float) -> None:
    x = drum(0.5, first, decay, 1000) + drum(1.0, 0.25, decay, 1000) + drum(1.5, 0.25, decay, 1000)
    found = heard(x)
    assert found.onset == pytest.approx(0.5, abs=0.01)
    assert not ignored(found)


def test_a_far_weaker_sound_before_it_is_not_the_sound() -> None:
    found = heard(drum(0.5, 0.015) + drum(1.0))
    assert found.onset == pytest.approx(1.0, abs=0.01)
    assert len(ignored(found)) == 1


@pytest.mark.parametrize("seconds", [0.002, 0.01, 0.1])
def test_a_very_short_sound_is_a_sound(seconds: float) -> None:
    x = drum(0.0, 0.5, frequency=1000)[: round(seconds * RATE)]
    found = heard(x)
    np.testing.assert_allclose(found.x[: len(x)], x / np.abs(x).max(), atol=1e-6)
    assert found.x[len(x) :].abs().max() == 0


@pytest.mark.parametrize("drift", [0.0, 0.005])
@pytest.mark.parametrize("offset", [0.1, -0.1, 0.01, 0.5])
@pytest.mark.parametrize("x", [drum(0.0), drum(0.0, 0.25, 0.5, 40), 0.2 * np.sin(0.3 * np.arange(N))], ids=["drum", "low", "sine"])
def test_a_constant_offset_is_removed_and_said(x: np.ndarray, offset: float, drift: float) -> None:
    slow = drift * offset / 0.1 * np.sin(np.arange(N) / RATE)
    found = heard(x + offset + slow, peak=None)
    np.testing.assert_allclose(found.x, (x + slow)[:32768], atol=max(2e-4, 2 * abs(slow).max()))
    (note,) = [note for note in found.notes if "offset" in note]
    assert float(note.split()[3]) == pytest.approx(offset, rel=0.1)


def test_what_is_not_constant_is_left() -> None:
    pulses = np.where(np.arange(N) % 200 < 20, 0.9, -0.1)
    for x in (drum(0.0), pulses, drum(0.0) + 0.1 * np.exp(-np.arange(N) / RATE), drum(0.0) + 1e-5, 0.1 * NOISE):
        found = heard(x, peak=None)
        np.testing.assert_allclose(found.x, x[:32768], atol=1e-7)
        assert not [note for note in found.notes if "offset" in note]


@pytest.mark.parametrize("layout", [np.asarray, np.transpose])
def test_channels_that_cancel_are_not_averaged(layout: object) -> None:
    x = drum(0.3)
    opposed = np.stack([x + 1e-4 * NOISE, -0.98 * x + 1e-4 * NOISE[::-1]], 1)
    found = heard(layout(opposed), peak=None)  # type: ignore[operator]
    start = round(found.onset * RATE)
    np.testing.assert_allclose(found.x, opposed[start : start + 32768, 0], atol=1e-6)
    assert found.notes[0] == "channels 1 and 2 cancel each other (opposite polarity?): channel 1 is used alone"


@pytest.mark.parametrize("second", [0.0, 0.1, 1.0, -0.5, "noise"])
def test_channels_that_do_not_cancel_are_averaged(second: float | str) -> None:
    x = drum(0.0)
    other = 0.25 * NOISE if isinstance(second, str) else second * x
    found = heard(np.stack([x, other], 1), peak=None)
    np.testing.assert_allclose(found.x, (x + other)[:32768] / 2, atol=1e-6)
    assert found.notes[0] == "2 channels averaged to mono"


def test_channels_may_be_more_than_two() -> None:
    x = drum(0.0)
    found = heard(np.stack([0.9 * x, -x, 0.1 * x], 1), peak=None)
    np.testing.assert_allclose(found.x, -x[:32768], atol=1e-6)
    assert "channels 1 to 3 cancel each other (opposite polarity?): channel 2 is used alone" in found.notes
