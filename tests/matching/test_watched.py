"""A search that is watched is the same search, ends when it is told to, and may begin from a sound that is known."""

import itertools

import numpy as np
import pytest
import torch

import invsound

HOW = {"synth": "tiny", "feature": "mss", "overrides": ["feature.n_fft=[256]"], "candidates": 8, "budget": None, "quiet": True}


def sound(f=440.0, tau=0.03):
    t = np.arange(512) / 8000
    return np.exp(-t / tau) * np.sin(2 * np.pi * f * t)


def test_watching_changes_nothing_and_sees_the_end(tiny):
    seen = []
    alone = invsound.match(sound(), 8000, **HOW)
    watched = invsound.match(sound(), 8000, watch=seen.append, **HOW)
    assert watched.as_dict() | {"seconds": 0} == alone.as_dict() | {"seconds": 0}
    assert seen[-1].distance == watched.distance
    assert seen[-1].parameters == watched.parameters
    assert seen[-1].random_distance == watched.random_distance
    assert [one.evaluations for one in seen] == sorted(one.evaluations for one in seen)
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(seen))


def test_a_search_ends_when_it_is_told_to_and_says_how_sure_it_is(tiny):
    seen = []

    def enough(nearest):
        seen.append(nearest)
        return len(seen) == 12

    noise = np.random.default_rng(0).standard_normal(512)
    whole = invsound.match(noise, 8000, **HOW)
    cut = invsound.match(noise, 8000, watch=enough, **HOW)
    assert cut.evaluations < whole.evaluations
    assert cut.distance <= seen[-1].distance
    assert set(cut.standard_errors) == {"f", "tau"}


def test_a_search_begins_from_what_is_known(tiny):
    def first(**more):
        seen = []
        invsound.match(sound(), 8000, watch=lambda nearest: seen.append(nearest) or True, **HOW, **more)
        return seen[0]

    unknown, known = first(sketch=False), first(start={"f": 440.0, "tau": 0.03})
    assert known.parameters == pytest.approx({"f": 440, "tau": 0.03}, rel=1e-3)
    assert known.distance < 0.1 * unknown.distance


@pytest.mark.parametrize(("start", "said"), [({"g": 1}, "'g' is no parameter"), ({"f": 1}, "f = 1 Hz is out of bounds")])
def test_a_start_is_checked(start, said, tiny):
    with pytest.raises(invsound.UsageError, match=said):
        invsound.match(sound(), 8000, start=start, **HOW)


def test_options_may_be_lines(tiny):
    matcher = invsound.Matcher("tiny", "mss", of=["feature.n_fft=[256]", "match.candidates=8", "match.budget=null"], quiet=True)
    assert matcher.options.candidates == 8
    assert matcher.problem.feature.options.n_fft == [256]


def test_parts_are_listed_as_they_are_written(tiny):
    (row,) = [row for row in invsound.parts("synth") if row["name"] == "tiny"]
    assert row == {"kind": "synth", "name": "tiny", "distribution": "tiny-synth", "version": "1.0", "summary": ""}
    assert {row["kind"] for row in invsound.parts()} >= {"synth", "feature", "solver"}


@pytest.mark.parametrize(("jobs", "threads"), [(1, 1), (2, 2), (64, 4)])
def test_one_sound_is_searched_for_by_as_many_threads_as_jobs(tiny, jobs, threads):
    seen, before = [], torch.get_num_threads()
    invsound.match(sound(), 8000, watch=lambda _: seen.append(torch.get_num_threads()), jobs=jobs, **HOW)
    assert set(seen) == {threads}
    assert torch.get_num_threads() == before
