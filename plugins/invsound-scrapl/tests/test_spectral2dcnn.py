"""The encoder of the granular task: the published shape, and what it hears."""

import pytest
import torch

import invsound
from invsound.testing import EncoderContract


class TestSpectral2DCNN(EncoderContract):
    part = "spectral2dcnn"
    options = {"channels": 8}  # noqa: RUF012


def make(**options):
    torch.manual_seed(0)
    return invsound.make("encoder", "spectral2dcnn", signal=invsound.Signal(8192, 32768), num_outputs=2, **options)


def test_it_has_the_published_shape():
    encoder = make()
    assert len(encoder.cqt.frequencies) == 60
    assert encoder.cqt.frequencies[0] == pytest.approx(102.4)
    inputs = encoder.prepare(torch.zeros(2, 32768))
    assert inputs.shape == (2, 60, 129)
    assert encoder.layers(inputs[:, None]).shape == (2, 128, 1, 4)
    convolutions = 128 * 9 + 128 + 4 * (128 * 128 * 9 + 128) + 5 * 128
    assert sum(p.numel() for p in encoder.parameters()) == convolutions + 128 * 64 + 64 + 1 + 64 * 2 + 2


def test_loudness_is_not_heard_by_a_layer_norm():
    encoder = make(channels=4).eval()
    inputs = encoder.prepare(torch.randn(2, 32768, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(encoder(2 * inputs), encoder(inputs), rtol=1e-4, atol=1e-4)


def test_short_sounds_are_pooled_where_there_are_two():
    encoder = invsound.make("encoder", "spectral2dcnn", signal=invsound.Signal(8192, 512), num_outputs=3, channels=4)
    assert encoder(encoder.prepare(torch.zeros(2, 512))).shape == (2, 3)
