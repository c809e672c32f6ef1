"""No rows in, no rows out: every part maps an empty batch to an empty batch, of the shape that a row has."""

import pytest
import torch

from invsound import Problem
from invsound.hooks import registry
from invsound.testing import toys
from invsound.testing.subject import Subject

OFFERS = [offer for kind in ("synth", "feature", "score", "encoder", "loss") for offer in registry.offers(kind)]


def name(offer):
    return f"{offer.kind}-{offer.part.name}"


def same_rows(call, *inputs):
    """One row and none give the same shape, but for the rows."""
    one, none = call(*inputs), call(*(rows[:0] for rows in inputs))
    assert none.shape == (0, *one.shape[1:])
    assert none.dtype == one.dtype


@pytest.mark.parametrize("offer", OFFERS, ids=name)
def test_no_rows_in_no_rows_out(offer):
    subject = Subject(offer)
    part = subject.instance
    if offer.kind == "loss":
        nu = torch.zeros(1, 2)
        part.calibrate(part.prepare(torch.tensor([[0.1, 0.2], [0.3, -0.5]])))
        same_rows(part.prepare, nu)
        for mode in (part.train(), part.eval()):
            same_rows(mode, nu + 0.1, nu, part.prepare(nu))
        same_rows(part.directions, nu + 0.1, nu, part.prepare(nu))
        return
    same_rows(subject.rows_map(part), subject.rows(1, torch.float32))
    if offer.kind == "encoder":
        same_rows(part, part.prepare(subject.rows(1, torch.float32)))


@pytest.mark.parametrize("offer", [o for o in OFFERS if o.kind in ("synth", "feature")], ids=name)
def test_no_rows_of_a_jacobian(offer):
    subject = Subject(offer)
    synth = subject.instance if offer.kind == "synth" else toys.Tone()
    feature = toys.Projection(synth.signal) if offer.kind == "synth" else subject.instance
    if offer.kind == "feature":
        synth.signal = subject.signal
    problem = Problem(synth, feature)
    nu = torch.zeros(1, synth.space.width)
    same_rows(problem.jacobian, nu)
    same_rows(problem.metric_factor, nu)
