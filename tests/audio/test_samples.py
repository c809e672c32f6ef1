"""Arrays as people have them: every layout and kind of number is the same sound, or is refused by name."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from invsound.audio.recording import load_samples
from invsound.errors import UsageError
from invsound.signal import Signal

SIGNAL = Signal(22050, 8192)
T = np.arange(8192) / 22050
X = 0.5 * np.exp(-9 * T) * np.sin(2 * np.pi * 300 * T)
STEREO = np.stack([X, X], 1)
SAME = {
    "[n]": X,
    "[n, 1]": X[:, None],
    "[1, n]": X[None],
    "[n, 2]": STEREO,
    "[2, n]": STEREO.T,
    "[n, 32]": np.repeat(X[:, None], 32, 1),
    "fortran": np.asfortranarray(STEREO),
    "negative strides": X[::-1].copy()[::-1],
    "torch": torch.tensor(X, requires_grad=True),
    "torch [2, n]": torch.tensor(STEREO).mT,
    "list": X.tolist(),
    "list of pairs": STEREO.tolist(),
    "strided": np.repeat(X, 3)[::3],
    "big-endian": X.astype(">f8"),
    "longdouble": X.astype(np.longdouble),
    "read-only": np.frombuffer(X.tobytes()),
}
ROUNDED = {
    "int8": (np.round(X * 2**7).astype(np.int8), 2**-7),
    "int16": (np.round(X * 2**15).astype(np.int16), 2**-15),
    "int32": (np.round(X * 2**31).astype(np.int32), 2**-23),
    "uint8": (np.round(X * 2**7 + 2**7).astype(np.uint8), 2**-7),
    "uint16": (np.round(X * 2**15 + 2**15).astype(np.uint16), 2**-15),
    "torch.int16": (torch.tensor(X * 2**15).round().short(), 2**-15),
    "float16": (X.astype(np.float16), 2**-11),
    "bfloat16": (torch.tensor(X).bfloat16(), 2**-8),
}


@pytest.mark.parametrize("x", SAME.values(), ids=SAME)
def test_every_layout_is_the_same_sound(x: object) -> None:
    np.testing.assert_allclose(load_samples(x, 22050, SIGNAL, peak=None).x, X, atol=1e-7)


@pytest.mark.parametrize(("x", "step"), ROUNDED.values(), ids=ROUNDED)
def test_every_kind_of_number_has_its_full_scale(x: object, step: float) -> None:
    np.testing.assert_allclose(load_samples(x, 22050, SIGNAL, peak=None).x, X, atol=step)


def test_channels_are_averaged_whichever_axis_they_are() -> None:
    both = np.stack([X, 0.2 * X], 1)
    for x in (both, both.T):
        found = load_samples(x, 22050, SIGNAL, peak=None)
        np.testing.assert_allclose(found.x, 0.6 * X, atol=1e-7)
        assert found.notes == ["2 channels averaged to mono"]


REFUSED = {
    "empty": (X[:0], r"shape \[0, 1\]"),
    "no frames": (np.zeros((0, 2)), r"shape \[0, 2\]"),
    "scalar": (0.5, r"shape \[\]"),
    "square": (np.ones((8, 8)), r"shape \[8, 8\]"),
    "two long axes": (np.ones((100, 200)), r"shape \[100, 200\]"),
    "batch": (STEREO[None], r"shape \[1, 8192, 2\]"),
    "complex": (X + 0j, "complex128"),
    "complex tensor": (torch.tensor(X) + 0j, "complex128"),
    "bool": (X > 0, "bool"),
    "int64": ([0, 1000, -1000], "int64"),
    "text": (["a", "b"], "<U1"),
    "None": (None, "object"),
    "what soundfile.read returns": ((X, 22050), "tuple"),
    "NaN": (np.where(T > 0.1, np.nan, X), "NaN or infinite"),
    "infinite": (np.where(T > 0.1, np.inf, X), "NaN or infinite"),
    "beyond float32": (X * 1e300, "NaN or infinite"),
    "silent": (X * 0, "silent"),
    "silent int16": (np.zeros(100, np.int16), "silent"),
    "constant": (X * 0 + 0.5, "silent"),
}


@pytest.mark.parametrize(("x", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_sound_is_refused_by_name(x: object, words: str) -> None:
    with pytest.raises(UsageError, match=f"The sound .*{words}"):
        load_samples(x, 22050, SIGNAL)


@pytest.mark.parametrize("rate", [22050, 22050.0, np.int64(22050), np.float32(22050), np.array(22050), torch.tensor(22050.0)], ids=type)
def test_every_number_is_a_rate(rate: object) -> None:
    found = load_samples(X, rate, SIGNAL, peak=None)
    assert found.notes == []
    np.testing.assert_allclose(found.x, X, atol=1e-7)


def test_a_rate_need_not_be_whole() -> None:
    t = np.arange(30000) / 22050.5
    found = load_samples(np.sin(2 * np.pi * 300 * t), 22050.5, SIGNAL)
    assert found.notes[0] == "resampled 22050.5 → 22050 Hz (soxr HQ)"
    np.testing.assert_allclose(found.x[500:-500], np.sin(2 * np.pi * 300 * T)[500:-500], atol=2e-3)


NO_RATES = [
    0,
    -1,
    np.nan,
    np.inf,
    -np.inf,
    "44100",
    "",
    True,
    np.True_,
    1j,
    [22050],
    np.array([22050]),
    {},
    44.1,
    1e12,
    10**400,
    Fraction(22050),
]


@pytest.mark.parametrize("rate", NO_RATES, ids=lambda rate: repr(rate)[:20])
def test_what_is_no_rate_is_named(rate: object) -> None:
    with pytest.raises(UsageError, match="sample_rate is a number of Hz") as refused:
        load_samples(X, rate, SIGNAL)
    assert repr(rate)[:20] in str(refused.value)


def test_what_lies_above_the_synthesizers_band_is_said() -> None:
    t = np.arange(44100) / 44100
    with pytest.raises(UsageError, match="nothing below 4096 Hz"):
        load_samples(np.sin(2 * np.pi * 15000 * t) * np.hanning(len(t)), 44100, Signal(8192, 8192))


def test_two_samples_are_a_click() -> None:
    assert load_samples([1.0, 0.0], 22050, SIGNAL).x.nonzero().tolist() == [[0]]
