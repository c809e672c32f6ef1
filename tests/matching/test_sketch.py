"""A sketch finds a sound of the synthesizer's own by its waveform, comes near another's in timbre, and costs half of the time at most."""

import numpy as np
import pytest
import torch

import invsound
from invsound.matching import matching as searching
from invsound.matching.matching import Matching
from invsound.matching.sketch import Timbre, sketched

N, RATE = 2048, 8192


class Gliding(invsound.Synth):
    """Two decaying partials, of which the upper is `ratio` times the lower, and nobody listens."""

    Options = invsound.SignalOptions

    def __init__(self, options):
        super().__init__(options)
        self.signal = options.signal
        self.space = invsound.Space(
            invsound.Parameter("f", "Hz", 100, 1000, "log", "frequency"),
            invsound.Parameter("ratio", "", 1.2, 3.5, "linear", "of the two frequencies"),
            invsound.Parameter("tau", "s", 0.01, 0.2, "log", "decay time"),
        )

    def forward(self, theta):
        f, ratio, tau = theta[..., None].unbind(1)
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype, device=theta.device) / self.signal.sample_rate
        x = torch.exp(-t / tau) * (torch.sin(2 * torch.pi * f * t) + 0.5 * torch.sin(2 * torch.pi * f * ratio * t))
        return x / x.abs().amax(1, keepdim=True)


def matcher(**how):
    small = {"synth": {"num_samples": N, "sample_rate": RATE}, "feature": {"n_fft": [256]}}
    return invsound.Matcher(Gliding, "mss", None, small | {"match": {"candidates": 64, "budget": 20, **how}}, quiet=True)


def sound(m, seed):
    theta = m.synth.space.to_theta(2 * torch.rand(1, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1)
    return theta[0], m.synth(theta)[0].float()


def sketch(m, x):
    found = Matching(m, m.recording(x, RATE))
    return found, sketched(m, found.target, found.search, m.guesses(found.target.heard))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_its_own_sound_is_found_before_the_representation_is_asked(seed):
    m = matcher()
    theta, x = sound(m, seed)
    matching, u = sketch(m, x)
    torch.testing.assert_close(m.synth.space.to_theta(u[:1].double())[0], theta, rtol=1e-3, atol=0)
    assert matching.search.evaluations == 0


def test_it_begins_with_the_answer_of_who_listens_in_the_synths_place():
    """No random sound is compared, and the sound is found by its waveform."""
    m = matcher(start={"f": 308.0, "ratio": 2.245, "tau": 0.075}, guess=False)
    theta = torch.tensor([[309.0, 2.25, 0.07]], dtype=torch.float64)
    _, u = sketch(m, m.synth(theta)[0].float())
    assert len(u) == 2
    torch.testing.assert_close(m.synth.space.to_theta(u[:1].double()), theta, rtol=1e-3, atol=0)


def test_another_sound_is_only_come_near_to():
    m, t = matcher(), np.arange(N) / RATE
    x = np.exp(-t / 0.06) * sum(np.sin(2 * np.pi * f * t + f) for f in (310, 702, 951))
    matching, u = sketch(m, x)
    assert 1 < len(u) <= 8
    assert (u.abs() <= 1).all()
    heard = Timbre(m.synth.signal, None)

    def away(u):
        return (heard(matching.target.problem.render(u.float())) - heard(matching.target.x[None])).norm(dim=1)

    assert away(u[:1]) < 0.9 * away(m.candidates).min()


def test_what_is_held_stays_and_a_match_begins_with_it():
    m = matcher(fix={"ratio": 2.0})
    theta = torch.tensor([[321.0, 2.0, 0.07]], dtype=torch.float64)
    found = m(m.synth(theta)[0].float(), RATE)
    assert found.parameters == pytest.approx({"f": 321.0, "ratio": 2.0, "tau": 0.07}, rel=1e-3)
    assert found.evaluations < 64 + 40


@pytest.mark.parametrize("how", [{"sketch": False}, {"evaluations": 80, "budget": None}])
def test_it_is_left_out_where_it_is_not_wanted_and_where_sounds_are_counted(how, monkeypatch):
    monkeypatch.setattr(searching, "sketched", lambda *_: pytest.fail("sketched"))
    m = matcher(**how)
    m(sound(m, 0)[1], RATE)


def test_it_stops_when_the_search_is_told_to():
    m = matcher()
    matching = Matching(m, m.recording(sound(m, 0)[1], RATE))
    asked = []
    matching.search.heard = lambda: len(asked) > 3 or asked.append(1)
    u = sketched(m, matching.target, matching.search, m.candidates[:0])
    assert matching.search.stopped
    assert 0 < len(u) <= 8
    assert len(asked) == 4
