"""Every option of every installed part and stage, given values beyond reason, is refused or works; in no time."""

import dataclasses
import math
import time

import pytest

from invsound import Signal, UsageError
from invsound.hooks import options, registry
from invsound.matching.options import MatchOptions
from invsound.runs import config
from invsound.runs.stages import Pretrain
from invsound.testing.subject import Subject

NASTY = [-1, 0, 10**12, 10**20, 1e308, math.nan, math.inf, "", "x", [], {}, None, True]
STAGES = config.STAGES | {"match": MatchOptions, "train.pretrain": Pretrain}
SIGNAL = Signal(8000, 1024)


def _every_option():
    for kind in registry.BUILT:
        for offer in registry.offers(kind):
            names = [field.name for field in dataclasses.fields(registry.load(offer).Options)]
            yield from (pytest.param(offer, name, id=f"{kind}-{offer.part.name}-{name}") for name in names)


def _within_a_second(work):
    """What `work()` gives, or the UsageError that it raised."""
    begun = time.process_time()
    try:
        return work()
    except UsageError as error:
        return error
    finally:
        assert time.process_time() - begun < 1


@pytest.fixture(scope="module")
def subjects():
    made = {}
    return lambda offer: made.setdefault(offer, Subject(offer)) if offer not in made else made[offer]


@pytest.mark.parametrize(("offer", "name"), list(_every_option()))
def test_an_option_of_a_part_is_refused_or_works(offer, name, subjects):
    subject = subjects(offer)
    for value in NASTY:
        given = {**subject.options, name: value}
        owner = f"{offer.kind} {offer.part.name}"
        made = _within_a_second(lambda: options.resolve(registry.load(offer).Options, given, owner))  # noqa: B023
        if isinstance(made, UsageError):
            assert name in str(made), value
            assert len(str(made)) < 500
        else:
            _within_a_second(lambda: Subject(offer, given))  # noqa: B023


@pytest.mark.parametrize("name", [f"{stage}.{field.name}" for stage, cls in STAGES.items() for field in dataclasses.fields(cls)])
def test_an_option_of_a_stage_is_refused_or_works(name):
    stage, _, key = name.rpartition(".")
    for value in NASTY:
        made = _within_a_second(lambda: options.resolve(STAGES[stage], {key: value}, stage))  # noqa: B023
        assert not isinstance(made, UsageError) or key in str(made), value
