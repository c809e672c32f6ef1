"""Silence, symmetry, equality, level, and what each score hears of a known change."""

import math

import pytest
import torch

import invsound
from invsound import Signal

SIGNAL = Signal(16000, 8000)
SCORES = ("mel", "wmfcc", "sot", "rms")


def make(name, **options):
    return invsound.make("score", name, signal=SIGNAL, **options)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sine(f0, num_samples=8000):
    return torch.sin(2 * math.pi * f0 * torch.arange(num_samples, dtype=torch.float64) / 16000)[None]


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_two_silences_are_one_and_silence_is_no_sound(name, dtype):
    score, x, silence = make(name), noise(3, 8000).to(dtype), torch.zeros(3, 8000, dtype=dtype)
    assert score(silence, silence).tolist() == [0, 0, 0]
    from_silence, of_silence = score(silence, x), score(x, silence)
    assert from_silence.isfinite().all()
    assert (from_silence > 0.1).all()
    assert torch.equal(from_silence, of_silence)


@pytest.mark.parametrize("name", SCORES)
def test_symmetric_and_zero_between_equals_only(name):
    score, x, y = make(name), noise(3, 8000), noise(3, 8000, seed=1) * torch.linspace(1, 0.1, 8000)
    assert torch.allclose(score(x, y), score(y, x), rtol=1e-6, atol=0)
    assert score(x, x).tolist() == [0, 0, 0]
    assert (score(x, y) > 0).all()


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e15, 1e30])
def test_finite_at_any_level_of_a_float32(name, scale):
    score, x = make(name), noise(2, 8000)
    for pair in ((x, scale * x), (scale * x, x), (scale * x, scale * x.flip(0)), (scale * x, 0 * x)):
        assert score(*pair).isfinite().all()


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("num_samples", [1, 2, 79, 161])
@pytest.mark.parametrize("rate", [150.0, 8000.0])
def test_finite_at_any_length(name, num_samples, rate):
    score = invsound.make("score", name, signal=Signal(rate, num_samples))
    x = noise(2, num_samples)
    assert score(x, x.flip(0)).shape == (2,)
    assert score(x, x.flip(0)).isfinite().all()
    assert score(x, x).tolist() == [0, 0]


@pytest.mark.parametrize("name", ["mel", "sot", "rms"])
def test_level_is_not_heard(name):
    score, x = make(name), noise(2, 8000).double()
    assert score(0.1 * x, x).abs().max() < 1e-9


def test_mel_is_the_share_of_cells_that_differ_times_by_how_much():
    score = make("mel", window=[20.0], hop=[10.0], bands=[40])
    loud = noise(1, 8000).double()
    half = loud.clone()
    half[:, 4000:] *= 0.1  # 20 dB
    frames = score.scales[0].spectrogram.count
    cut = score(half, loud).item()
    assert cut == pytest.approx(20 * 25 / frames, rel=0.05)


def test_warping_forgives_what_is_late():
    late = torch.cat([torch.zeros(1, 800), noise(1, 7200)], 1)
    early = torch.cat([late[:, 800:], torch.zeros(1, 800)], 1)
    in_place = make("wmfcc").costs(late, early).diagonal(dim1=1, dim2=2).mean()
    assert make("wmfcc")(late, early) < 0.3 * in_place


@pytest.mark.parametrize("f1", [600.0, 1000.0, 4000.0])
def test_transport_is_the_distance_in_nyquist_frequencies(f1):
    score = make("sot")
    assert score(sine(500.0), sine(f1)).item() == pytest.approx((f1 - 500) / 8000, rel=0.05)


def test_transport_goes_on_where_spectra_are_flat():
    feature, score = invsound.make("feature", "sot", signal=SIGNAL), make("sot")
    target = sine(500.0)
    others = [sine(f) for f in (520.0, 700.0, 1500.0, 4000.0)]
    distances = [(feature(x) - feature(target)).norm().item() for x in others]
    assert distances == sorted(distances)
    assert distances[3] > 2 * distances[1]
    for x, distance in zip(others, distances, strict=True):
        assert score(x, target).item() <= distance <= score(x, target).item() ** 0.5
    spectra = [torch.fft.rfft(x).abs() for x in (target, *others)]
    flat = [(spectrum - spectra[0]).norm().item() for spectrum in spectra[2:]]
    assert flat == pytest.approx([flat[0]] * 3)


def test_envelopes_in_turn_are_orthogonal():
    x = noise(1, 8000)
    first, last = x.clone(), x.clone()
    first[:, 3000:], last[:, :5000] = 0, 0
    assert make("rms")(first, last).item() == pytest.approx(1)
    assert make("rms")(first, x).item() == pytest.approx(1 - math.sqrt(3000 / 8000), abs=0.04)  # a frame more or less


def test_a_name_may_be_of_a_score_and_of_a_feature():
    assert make("sot").__class__ is not invsound.make("feature", "sot", signal=SIGNAL).__class__


@pytest.mark.parametrize(
    ("name", "options"),
    [("mel", {"window": [10.0]}), ("mel", {"hop": [0.0, 1.0, 1.0]}), ("wmfcc", {"coefficients": 200}), ("sot", {"floor": 0.0})],
)
def test_wrong_options_are_refused(name, options):
    with pytest.raises(invsound.UsageError, match=next(iter(options))):
        make(name, **options)
