"""A guess whose waveform explains the recording is the answer only where the representation, asked too, comes no nearer."""

import pytest
import torch

import invsound
from invsound.matching.target import Target

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
    assert abs(found.correlation) > 0.98


def test_a_recording_is_moved_only_where_that_brings_it_nearer(matcher):
    x = matcher.synth(torch.tensor([[210.0, 6.1]]))[0]
    late = torch.nn.functional.pad(x, (3, 0))[:N]
    moved = {}
    for name, sound, f in (("late", late, 210.0), ("off", x, 210.2)):
        target = Target(matcher.recording(sound, RATE), matcher.problem, "cpu")
        nu = matcher.synth.space.to_nu(torch.tensor([[f, 6.1]]))
        before, far = target.recorded, target.distance(nu[0])
        moved[name] = target.align(nu, nu, matcher.free)
        assert (target.distance(nu[0]) < far) == moved[name]
        assert (target.recorded is before) != moved[name]
        assert abs(target.lag - 3 * moved[name]) < 0.1
    assert moved == {"late": True, "off": False}
