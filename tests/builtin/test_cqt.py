"""The constant-Q transform: frequency, scale, time, silence, batches."""

import math

import pytest
import torch

from invsound import Signal
from invsound.builtin.cqt import LogCQT

drum, arpeggiator = Signal(22050, 65536), Signal(8192, 32768)


def magnitude(cqt: LogCQT, x: torch.Tensor) -> torch.Tensor:
    return torch.expm1(cqt(x[None]))[0] * 1e-3


def test_defaults_reproduce_the_published_ranges() -> None:
    for signal, octaves, fmin in (drum, 10, 8.61), (arpeggiator, 6, 32.70):
        frequencies = LogCQT(signal).frequencies
        assert len(frequencies) == 12 * octaves
        assert frequencies[0].item() == pytest.approx(fmin, abs=0.005)
        assert torch.allclose(frequencies[12:] / frequencies[:-12], torch.tensor(2.0))


@pytest.mark.parametrize("signal", [drum, arpeggiator, Signal(44100, 22050)])
def test_a_sine_peaks_at_its_bin_with_half_the_root_of_the_window_length(signal: Signal) -> None:
    cqt, t = LogCQT(signal), torch.arange(signal.num_samples, dtype=torch.float64) / signal.sample_rate
    Q = (2 ** (1 / 6) + 1) / (2 ** (1 / 6) - 1)
    for k in range(12, len(cqt.frequencies), 17):
        f = cqt.frequencies[k].item()
        middle = magnitude(cqt, torch.sin(2 * math.pi * f * t).float())[:, cqt.num_frames // 2]
        assert middle.argmax() == k
        assert middle[k].item() == pytest.approx(0.5 * math.sqrt(Q * signal.sample_rate / f), rel=1e-3)


def test_agrees_with_the_definition_in_the_time_domain() -> None:
    """|Σ_n x[n] w(n − j·hop) e^(−iω n)| with a Hann window w of area √L."""
    signal = Signal(8192, 8192)
    cqt, x = LogCQT(signal), torch.randn(8192, generator=torch.Generator().manual_seed(0))
    ours, n, Q = magnitude(cqt, x), torch.arange(8192, dtype=torch.float64), 1 / math.tanh(math.log(2) / 12)
    for k in range(0, len(cqt.frequencies), 7):
        f = cqt.frequencies[k].double() / signal.sample_rate
        L, t = Q / f, n - torch.arange(cqt.num_frames)[:, None] * 256
        w = torch.where(t.abs() < L / 2, 1 + torch.cos(2 * math.pi * t / L), 0) / L.sqrt()
        expected = (w * x * torch.polar(torch.ones_like(n), -2 * math.pi * f * n)).sum(1).abs()
        assert (ours[k] - expected).abs().max() < 5e-3 * expected.max()


def test_with_a_bandwidth_beside_it_low_notes_are_quicker() -> None:
    """A Hann window of sample_rate / (f / Q + gamma) samples: a sine of amplitude 1 gives ½ √L, an impulse is over after L / 2."""
    Q, gamma, x, t = 8.0, 20.0, torch.zeros(65536), torch.arange(65536, dtype=torch.float64) / 22050
    vqt = LogCQT(drum, fmin=100.0, Q=Q, gamma=gamma, floor=1.0)
    x[100 * 256] = 1.0
    response = torch.expm1(vqt(x[None]))[0]
    for k in range(0, len(vqt.frequencies), 13):
        f = vqt.frequencies[k].item()
        L = 22050 / (f / Q + gamma)
        sine = torch.expm1(vqt(torch.sin(2 * math.pi * f * t).float()[None]))[0, :, vqt.num_frames // 2]
        assert sine[k].item() == pytest.approx(0.5 * math.sqrt(L), rel=1e-3)
        outside = (torch.arange(vqt.num_frames) - 100).abs() > L / 2 / 256 + 1
        assert response[k, outside].max() < 1e-2 * response[k].max()


def test_an_impulse_stays_at_its_frame_in_every_bin() -> None:
    cqt, x = LogCQT(drum), torch.zeros(65536)
    x[100 * 256] = 1.0
    S, Q = magnitude(cqt, x), 1 / math.tanh(math.log(2) / 12)
    assert (S.argmax(1) == 100).all()
    assert torch.allclose(S[:, 100 - 50 : 100], S[:, 101 : 101 + 50].flip(1), atol=1e-3 * S.max())
    half_window = Q * drum.sample_rate / cqt.frequencies / 2 / 256
    outside = (torch.arange(cqt.num_frames) - 100).abs() > half_window[:, None] + 1
    assert S[outside].max() < 1e-2 * S.max()


@pytest.mark.parametrize("signal", [drum, Signal(22050, 1000), Signal(16000, 1), Signal(100, 64), Signal(48000, 5000)])
def test_batch_is_a_loop_and_silence_is_finite_at_any_length(signal: Signal) -> None:
    cqt, x = LogCQT(signal), torch.randn(3, signal.num_samples, generator=torch.Generator().manual_seed(1))
    x[1] = 0
    S = cqt(x)
    assert S.shape == (3, len(cqt.frequencies), 1 + signal.num_samples // 256)
    assert S.isfinite().all()
    assert (S[1] == 0).all()
    assert torch.allclose(S, torch.cat([cqt(row[None]) for row in x]), atol=1e-4)


def test_options_override_the_range_and_nyquist_is_respected() -> None:
    cqt = LogCQT(drum, bins_per_octave=24, hop=512, num_octaves=3, fmin=100.0)
    assert cqt(torch.zeros(1, 65536)).shape == (1, 72, 129)
    assert cqt.frequencies[0] == 100
    assert len(LogCQT(drum, fmin=100.0).frequencies) == 12 * 6
    with pytest.raises(ValueError, match="Nyquist"):
        LogCQT(drum, num_octaves=8, fmin=100.0)
    with pytest.raises(ValueError, match="an octave or more"):
        LogCQT(drum, num_octaves=0)
    with pytest.raises(ValueError, match="fmin > 0"):
        LogCQT(drum, fmin=0.0)
