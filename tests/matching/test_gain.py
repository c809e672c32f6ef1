"""Whose loudness it is: the recording's gain is taken back, unless the synthesizer has a parameter that does nothing else."""

import torch

from invsound import Parameter, Problem, Space
from invsound.matching.search import Free
from invsound.matching.target import is_gain_free
from invsound.testing import toys


class Loud(toys.Tone):
    """A tone, a level and another; `bent` adds an offset that they do not scale."""

    peak = None

    def __init__(self, bent=0.0):
        super().__init__()
        self.bent = bent
        self.space = Space(*self.space, Parameter("level", "", 0.1, 1, "log"), Parameter("boost", "", 0.1, 1, "log"))

    def forward(self, theta):
        return self.bent + theta[:, 2:].prod(1)[:, None] * super().forward(theta[:, :2])


class Normalized(Loud):
    peak = 1.0


def whose(synth, *names):
    problem = Problem(synth, toys.Projection(synth.signal))
    nu = torch.rand(synth.space.width, generator=torch.Generator().manual_seed(0)) - 0.5
    return is_gain_free(problem, nu, Free(synth.space, list(names)))


def test_a_level_that_is_free_takes_the_gain():
    assert whose(Loud(), "level")
    assert whose(Loud(), "f", "tau", "level", "boost")


def test_a_level_that_is_held_or_normalized_away_does_not():
    assert not whose(Loud(), "f", "tau")
    assert not whose(Normalized(), "level")


def test_what_changes_more_than_the_loudness_does_not():
    assert not whose(Loud(bent=0.3), "level")
    assert not whose(toys.Organ(), "wave", "filter")
