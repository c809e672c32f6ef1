"""The laws of a representation; and that the envelope hears onsets."""

import pytest
import torch
from invsound import Signal
from invsound.testing import FeatureContract

from invsound_karplus.onset import LogMelOnset, LogMelOnsetOptions, mel_bands


class TestLogMelOnset(FeatureContract):
    part = "logmel-onset"
    options = {"window": 256, "hop": 128, "bands": 12}


def test_the_envelope_peaks_where_a_sound_begins_not_where_it_ends():
    feature = LogMelOnset(Signal(16000, 8192), LogMelOnsetOptions(window=512, hop=256))
    x = torch.zeros(1, 8192)
    x[0, 2560:5120] = torch.linspace(1, 0, 2560) * torch.sin(2 * torch.pi * 440 / 16000 * torch.arange(2560))
    onset = feature(x)[0, -33:]
    assert abs(int(onset.argmax()) - 10) <= 1
    assert onset[15:].max() < 0.5 * onset.max()


def test_silence_is_zero():
    feature = LogMelOnset(Signal(16000, 1000), LogMelOnsetOptions())
    assert not feature(torch.zeros(2, 1000)).any()


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_no_band_is_deaf(rate):
    assert (mel_bands(rate, 512, 64).sum(0) > 0).all()


def test_the_weight_scales_the_envelope_alone():
    x = torch.randn(1, 2048, generator=torch.Generator().manual_seed(0))
    plain, doubled = (LogMelOnset(Signal(8000, 2048), LogMelOnsetOptions(onset=w))(x) for w in (1.0, 2.0))
    L, o = plain.split([9 * 40, 9], 1)
    torch.testing.assert_close(doubled, torch.cat([L, 2 * o], 1))
