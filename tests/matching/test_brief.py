"""A sound that is over early is searched for as long as that, and answered for as long as all."""

from dataclasses import dataclass

import pytest
import torch

import invsound
from invsound.audio.alignment import until
from invsound.matching.match import Interrupted
from invsound.matching.matching import Matching
from invsound.matching.target import Target

N, RATE = 8192, 8192


class Decaying(invsound.Synth):
    """A tone that decays; where it `grows`, its pitch rises until its last sample, wherever that is."""

    Options = invsound.SignalOptions
    grows = False

    def __init__(self, options):
        super().__init__(options)
        self.signal = options.signal
        self.space = invsound.Space(
            invsound.Parameter("f", "Hz", 100, 1000, "log", "frequency"),
            invsound.Parameter("tau", "s", 0.01, 0.5, "log", "decay time"),
        )

    def forward(self, theta):
        f, tau = theta[..., None].unbind(1)
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype, device=theta.device) / self.signal.sample_rate
        f = f * (1 + t / t[-1]) if self.grows else f
        x = torch.exp(-t / tau) * torch.cos(2 * torch.pi * f * t)
        return x / x.abs().amax(1, keepdim=True)


class Growing(Decaying):
    """Of which a short sound is not the beginning of a long one."""

    grows = True


@dataclass
class Nothing:
    """No options."""


class Spectrum(invsound.Feature):
    """Of a second at least."""

    Options = Nothing

    def __init__(self, signal, options):
        super().__init__(signal, options)
        if signal.num_samples < N:
            raise ValueError(f"needs {N} samples")

    def forward(self, x):
        return torch.fft.rfft(x).abs().add(1e-3).log()


def matcher(synth=Decaying, feature="mss", **how):
    small = {"synth": {"num_samples": N, "sample_rate": RATE}} | ({"feature": {"n_fft": [256]}} if feature == "mss" else {})
    return invsound.Matcher(synth, feature, None, small | {"match": {"candidates": 32, "budget": 10, **how}}, quiet=True)


def sound(m, tau):
    return m.synth(torch.tensor([[440.0, tau]]))[0]


@pytest.mark.parametrize(("tau", "length"), [(0.02, N // 4), (0.1, N // 4), (0.15, N // 2), (0.4, N)])
def test_it_is_compared_as_long_as_it_sounds(tau, length):
    m = matcher()
    assert m.brief(sound(m, tau)).synth.signal.num_samples == length


@pytest.mark.parametrize("how", [{"synth": Growing}, {"feature": Spectrum}, {"evaluations": 100}, {"brief": False}])
def test_all_of_it_is_where_a_beginning_is_another_sound_or_none_or_saves_nothing(how):
    m = matcher(**how)
    assert m.brief(sound(m, 0.02)) is m.problem


@pytest.mark.parametrize("how", [{}, {"room": 0.1}, {"sketch": False}])
def test_the_answer_is_that_of_all_of_it(how):
    m = matcher(**how)
    x = sound(m, 0.05)
    asked = list[int]()
    found = m(x, RATE, lambda nearest: asked.append(len(nearest.parameters)))
    assert asked
    assert len(found.x) == len(found.x_hat) == N
    assert found.parameters == pytest.approx({"f": 440, "tau": 0.05}, rel=1e-4)
    away = Target(m.recording(x, RATE), m.problem, "cpu", room=how.get("room")).distance(found.nu)
    assert found.distance == pytest.approx(away, abs=1e-5 * found.random_distance)


def test_a_beginning_ends_as_the_recording_does():
    m = matcher()
    target = Target(m.recording(sound(m, 0.4)[: N // 5], RATE), m.problem, "cpu", room=0.1)
    whole, brief = target.x, m.brief(target.x)
    target.shorten(brief)
    assert target.is_brief
    torch.testing.assert_close(target.x, whole[: N // 4])
    nu = torch.zeros(1, 2)
    torch.testing.assert_close(target.problem.render(nu)[0], (m.problem.render(nu)[0] * until(target.end, N, RATE))[: N // 4])
    target.shorten(m.problem)
    assert not target.is_brief
    torch.testing.assert_close(target.x, whole)


def test_interrupted_it_says_how_far_all_of_it_is(monkeypatch):
    m = matcher(sketch=False)
    x = sound(m, 0.05) + 0.3 * m.synth(torch.tensor([[700.0, 0.08]]))[0]
    rounds = Matching._rounds

    def stopped(self, survey):
        assert self.target.is_brief
        rounds(self, survey)
        raise KeyboardInterrupt

    monkeypatch.setattr(Matching, "_rounds", stopped)
    with pytest.raises(Interrupted) as cut:
        m(x, RATE)
    found, target = cut.value.found, Target(m.recording(x, RATE), m.problem, "cpu")
    assert found.distance == pytest.approx(target.distance(found.nu), rel=1e-4)
    target.shorten(m.brief(target.x))
    assert found.distance != pytest.approx(target.distance(found.nu), rel=1e-4)
