"""Fresh sounds: each epoch has its own, whoever prepares them and whatever interrupts it, and they leave nothing behind."""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch

import invsound as api
from invsound.data import cache, designs, fresh
from invsound.data.columns import Fold
from invsound.data.store import Store
from invsound.executor import Workforce
from invsound.runs import config
from invsound.runs.parts import Parts

SMALL = [
    "data.train=16", "data.val=8", "data.test=4", "train.epochs=4", "train.batch=8", "evaluate.sounds=0", "evaluate.scores=[mss]",
    "evaluate.micro=false", "feature.n_fft=[64]", "data.fresh=true",
]  # fmt: skip


def shards(folder):
    return {one.address for one in cache.kept(Store(folder))}


@pytest.fixture
def parts(tiny):
    named = {"synth": tiny, "feature": "mss", "loss": "pnp"}
    return Parts(config.resolve({"parts": named, "feature": {"n_fft": [64]}, "data": {"fresh": True}, "train": {"epochs": 4}}))


@pytest.fixture
def first(parts):
    return Fold(designs.draw(parts.synth, "random", {"train": 12}, 0)["train"], {})


def test_an_epoch_has_its_own_sounds_and_they_are_a_function_of_the_seed(parts, first, tmp_path):
    with fresh.each(parts, first, Store(tmp_path), Workforce(), "cpu") as of:
        second, third = of(2), of(3)
    assert len(second) == len(third) == 12
    assert not torch.equal(second.nu, third.nu)
    assert set(second.columns) == {"inputs", "side"}
    with fresh.each(parts, first, Store(tmp_path), Workforce(), "cpu") as of:  # of a run that was killed in its third epoch
        again = of(3)
    assert torch.equal(again.nu, third.nu)
    assert all(torch.equal(again.columns[name], third.columns[name]) for name in third.columns)


def test_no_more_than_two_epochs_are_kept_and_in_the_end_none(parts, first, tmp_path):
    with fresh.each(parts, first, Store(tmp_path), Workforce(), "cpu") as of:
        counts = []
        for epoch in (1, 2, 3, 4):
            of(epoch)
            counts.append(len(shards(tmp_path)))
    assert counts == [4, 8, 8, 4]  # two columns of two shards for this epoch and the next; the first has those of the table
    assert not shards(tmp_path)


@pytest.mark.skipif(not hasattr(os, "setpriority"), reason="there are no priorities here")
def test_who_prepares_gives_way_to_the_one_that_learns():
    before = os.getpriority(os.PRIO_PROCESS, 0)
    fresh.give_way()
    with ProcessPoolExecutor(1, get_context("spawn")) as worker:
        worker.submit(fresh.give_way).result()
        assert worker.submit(os.getpriority, os.PRIO_PROCESS, 0).result() == max(before, fresh.BEHIND)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def scores(folder):
    return json.loads((folder / "scores.json").read_text())


@pytest.mark.parametrize("loss", [pytest.param("ploss", marks=pytest.mark.slow), "pnp"])
def test_whoever_prepares_and_whatever_interrupts_scores_are_the_same(tiny, tmp_path, monkeypatch, loss):
    def stop(metrics):
        if metrics["epoch"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setenv("INVSOUND_CACHE", str(tmp_path / "one"))
    api.run(tiny, "mss", loss, overrides=SMALL, out="whole", quiet=True)
    monkeypatch.setenv("INVSOUND_CACHE", str(tmp_path / "two"))
    with pytest.raises(KeyboardInterrupt):
        api.run(tiny, "mss", loss, overrides=SMALL, out="cut", quiet=True, jobs=2, on_epoch=stop)
    api.resume("cut", quiet=True)
    assert scores(tmp_path / "cut") == scores(tmp_path / "whole")
    told = [json.loads(line) for line in (tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in told] == [0, 1, 2, 3, 4]
    api.run(tiny, "mss", loss, overrides=[*SMALL, "data.fresh=false"], out="stale", quiet=True)
    stale = [json.loads(line) for line in (tmp_path / "stale" / "metrics.jsonl").read_text().splitlines()]
    assert stale[1]["val_loss"] == told[1]["val_loss"]
    assert stale[2]["val_loss"] != told[2]["val_loss"]


def test_a_design_with_an_end_is_refused(tiny):
    with pytest.raises(api.UsageError, match=r"data.fresh=true draws sounds without an end.*data.design=random or sobol"):
        api.run(tiny, "mss", "ploss", overrides=[*SMALL, "data.design=grid"], quiet=True)
