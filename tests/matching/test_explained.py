"""A guess whose waveform explains the recording is the answer only where the representation, asked too, comes no nearer."""

import pytest
import torch

import invsound

N, RATE = 2048, 8192


class Overtone(invsound.Synth):
    """A loud tone of frequency f and, far below it, another of frequency `ratio` f; whoever listens hears f alone."""

    Options = invsound.SignalOptions

    def __init__(self, options):
        super().__init__(options)
        self.signal = options.signal
        self.space = invsound.Space(
            invsound.Parameter("f", "Hz", 100, 400, "log", "frequency"),
            invsound.Parameter("ratio", "", 3, 8, "linear", "of the two frequencies"),
        )

    def forward(self, theta):
        f, ratio = theta[..., None].unbind(1)
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype, device=theta.device) / self.signal.sample_rate
        x = torch.exp(-t / 0.05) * torch.sin(2 * torch.pi * f * t) + 0.05 * torch.exp(-t / 0.2) * torch.sin(2 * torch.pi * ratio * f * t)
        return x / x.abs().amax(1, keepdim=True)

    def guess(self, x):
        return self.space.to_nu(torch.tensor([[210.0, 3.5]], dtype=x.dtype))


@pytest.fixture(scope="module")
def matcher():
    small = {"synth": {"num_samples": N, "sample_rate": RATE}, "feature": {"n_fft": [256]}}
    return invsound.Matcher(Overtone, "mss", None, small | {"match": {"candidates": 32, "budget": 10}}, quiet=True)


def test_what_is_faint_in_the_waveform_is_still_looked_for(matcher):
    x = matcher.synth(torch.tensor([[210.0, 6.1]]))[0]
    found = matcher(x, RATE)
    assert found.parameters == pytest.approx({"f": 210, "ratio": 6.1}, rel=1e-3)


def test_what_is_noise_is_not(matcher):
    x = matcher.synth(torch.tensor([[210.0, 3.5]]))[0]
    noise = torch.randn(N, generator=torch.Generator().manual_seed(0))
    found = matcher(x + 0.1 * x.std() * noise, RATE)
    assert found.parameters == pytest.approx({"f": 210, "ratio": 3.5}, rel=1e-2)
    assert "Found in the waveform" in found.advice
