"""Charts and spectrograms: scales, ticks, numbers, and pictures that are where they say."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from invsound.pages.charts import Axes, Scale, line_chart, number, scatter_chart
from invsound.pages.figures import curves, scatters, spectrum
from invsound.pages.spectrogram import lowest, spectrogram, spectrogram_chart


def parsed(svg: str) -> ElementTree.Element:
    """The picture as XML, all of whose numbers are numbers."""
    assert "nan" not in re.sub(r'aria-label="[^"]*"', "", svg)
    return ElementTree.fromstring(svg)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (9.123, "9.12"),
        (12.0, "12.0"),
        (-0.5, "−0.500"),
        (0.0123, "0.0123"),
        (6283.2, "6\u202f283"),
        (1.2e-7, "1.20 × 10⁻⁷"),
        (9.999, "10.0"),
        (3.4e15, "3.40 × 10¹⁵"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_read_well(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("low", [1e-9, 3e-3, 0.7, 40.0, 2e6])
@pytest.mark.parametrize("ratio", [1.0, 1.01, 1.7, 4.9, 6.0, 30.0, 1e3, 1e9, 1e18])
def test_ticks_are_few_inside_and_told_apart(low: float, ratio: float, log: bool) -> None:
    scale = Scale.of([low, low * ratio], log=log)
    ticks = scale.ticks()
    position = scale([*ticks])
    assert 2 <= len(ticks) <= 9
    assert ((position > -1e-6) & (position < 1 + 1e-6)).all()
    assert (np.diff(position) > 0).all()
    if ratio != 1:
        assert len(set(ticks.values())) == len(ticks)


@pytest.mark.parametrize("high", [1, 2, 5, 70, 1000])
def test_whole_ticks_are_whole(high: int) -> None:
    assert all(tick == round(tick) for tick in Scale(0.5, high + 0.5, whole=True).ticks())


def test_a_scale_holds_what_exists() -> None:
    values = [3.0, float("nan"), -2.0, float("inf"), 0.0, 700.0]
    assert (Scale.of(values).low, Scale.of(values).high) == pytest.approx((-2, 700))
    assert (Scale.of(values, log=True).low, Scale.of(values, log=True).high) == pytest.approx((3, 700))
    assert Scale.of([], log=True).low > 0


def test_names_are_escaped() -> None:
    evil = '<b a="1">&'
    for svg in (
        line_chart({evil: ([1, 2], [3, 4]), "x": ([1], [2])}, evil, evil, evil),
        scatter_chart([1.0], [2.0], evil, Scale(1, 2), evil),
    ):
        root = parsed(svg)
        assert root.attrib["aria-label"] == evil
        assert evil in "".join(root.itertext())


def test_points_are_where_they_should_be() -> None:
    axes = Axes(Scale(0, 10), Scale(1, 100, log=True))
    left, top, width, height = axes.plot
    np.testing.assert_allclose(
        axes.at([0, 5, 10, 5, 5], [1, 10, 100, 0, -1]), [[left, top + height], [left + width / 2, top + height / 2], [left + width, top]]
    )


def test_names_of_curves_do_not_touch() -> None:
    root = parsed(line_chart({name: ([0, 1], [1, 1 + k / 1000]) for k, name in enumerate("abc")}, "x", "y", "three near curves"))
    heights = sorted(float(t.attrib["y"]) for t in root.iter() if t.attrib.get("class", "").startswith("name"))
    assert len(heights) == 3
    assert min(np.diff(heights)) >= 14


def test_curves_leave_out_what_is_not_a_number() -> None:
    epochs = [
        {"epoch": 0, "val_loss": 3.0},
        {"epoch": 1, "train_loss": float("nan"), "val_loss": 0.0, "monitor": {"damping": 1e3}},
        {"epoch": 2, "train_loss": 1.0, "val_loss": 2.0, "monitor": None},
    ]
    figures = curves(epochs)
    assert ["Damping from 1\u202f000" in figure.caption for figure in figures] == [False, True]
    for figure in figures:
        parsed(figure.picture)
    assert curves([]) == []


def test_a_scatter_of_thousands_is_thinned_and_says_so() -> None:
    rng = np.random.default_rng(0)
    p = {"name": "f", "unit": "Hz", "low": 1.0, "high": 100.0, "scale": "log"}
    true = 10 ** rng.uniform(0, 2, 9001)
    [figure] = scatters([p, p | {"name": "unknown"}], {"true_f": true, "predicted_f": true})
    assert figure.caption == "f: correlation 1.00 over 9001 sounds, 1801 of them drawn, log axes."
    assert sum(path.attrib["d"].count("M") for path in parsed(figure.picture) if path.attrib.get("class", "").startswith("points")) == 1801


def test_the_spectrum_shows_medians_of_what_is_positive() -> None:
    figure = spectrum([[100.0, 1.0, 0.0], [400.0, 4.0, 0.0], [200.0, 2.0, 0.0]])
    assert figure is not None
    assert "over 3 sounds" in figure.caption
    assert "100 times" in figure.caption.replace("1.0 × 10²", "100")
    assert spectrum([]) is None
    assert spectrum([[0.0]]) is None


@pytest.mark.parametrize("rate", [8192, 22050, 96000])
@pytest.mark.parametrize("frequency", [110.0, 440.0, 3000.0])
def test_a_sine_is_at_its_frequency(frequency: float, rate: int) -> None:
    power = spectrogram(np.sin(2 * np.pi * frequency * np.arange(2 * rate) / rate), rate)
    rows = np.geomspace(lowest(rate), rate / 2, len(power))
    found = rows[power[:, power.shape[1] // 2].argmax()]
    # a row is a twentieth of an octave and a bin is rate/4096
    assert abs(found - frequency) < 0.05 * frequency + rate / 4096


@pytest.mark.parametrize("N", [1, 2, 300, 5000])
def test_silence_and_short_sounds_have_pictures(N: int) -> None:
    for x in (np.zeros(N), np.ones(N)):
        power = spectrogram(x, 22050)
        assert np.isfinite(power).all()
        assert (power >= 0).all()
        parsed(spectrogram_chart(power, power.max(), 22050, N / 22050, "a short sound"))
