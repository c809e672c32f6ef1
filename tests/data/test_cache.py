"""What a machine keeps of prepared columns is counted, verified and pruned; a run computes again what it lacks."""

import json
import os
import time
from pathlib import Path

import pytest

from invsound import UsageError
from invsound.data import cache
from invsound.data.store import Store

HOUR = 3600.0


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache")


@pytest.fixture
def aged(store):
    """Four shards of 100 samples and more, used so many hours ago, and a stranger's files among them."""
    import torch

    now = time.time()
    for hours in (1, 10, 100, 1000):
        address = f"{hours:064x}"
        store.put(address, torch.zeros(100))
        os.utime(store.path(address), (now - hours * HOUR, now - 2000 * HOUR))
    for name in ("00/notes.safetensors", "00/" + "g" * 64 + ".safetensors", f"01/{1:064x}.txt"):
        (store.root / name).parent.mkdir(exist_ok=True)
        (store.root / name).write_text("mine")
    return store


def hours(shards):
    return [int(shard.path.stem, 16) for shard in shards]


def test_shards_are_known_by_their_names_last_used_first(aged):
    assert hours(cache.kept(aged)) == [1, 10, 100, 1000]
    assert cache.kept(Store(aged.root / "nowhere")) == []


@pytest.mark.parametrize(
    ("how", "left"),
    [({"older": 50 * HOUR}, [1, 10]), ({"size": 10**9}, [1, 10, 100, 1000]), ({"size": 0}, []), ({"older": 5 * HOUR, "size": 10**9}, [1])],
)
def test_the_long_unused_go_and_strangers_stay(how, left, aged):
    shards = cache.kept(aged)
    cache.remove(aged, cache.excess(shards, **how))
    assert hours(cache.kept(aged)) == left
    assert len([path for path in aged.root.rglob("*") if path.is_file()]) == len(left) + 3


def test_as_many_are_left_as_fit(aged):
    shards = cache.kept(aged)
    assert hours(cache.excess(shards, size=shards[0].size + shards[1].size)) == [100, 1000]


def test_verified_is_not_used(aged):
    altered = cache.kept(aged)[1].path
    content = bytearray(altered.read_bytes())
    content[-1] ^= 1
    state = altered.stat()
    altered.write_bytes(content)
    os.utime(altered, (state.st_atime, state.st_mtime))
    assert hours(cache.damaged(aged, cache.kept(aged))) == [10]
    assert hours(cache.excess(cache.kept(aged), older=50 * HOUR)) == [100, 1000]


def test_a_run_has_its_shards_and_computes_again_what_it_lacks(tiny, invsound, toy):
    """By the command line, as a user would."""
    for name in ("one", "other"):
        assert invsound(*toy(tiny, f"seed={len(name)}", "--out", name)).exit_code == 0

    def listed(*more):
        return json.loads(invsound("cache", *more, "--json").stdout)

    before = listed("--run", "one", "--run", "other")
    one, other = before["runs"]
    assert one["shards"] == one["wanted"] > 2
    assert before["shards"] == one["shards"] + other["shards"]
    assert before["used"]["today"]["bytes"] == before["bytes"] == one["bytes"] + other["bytes"]
    assert "would go" in invsound("cache", "prune", "--run", "one", "--dry-run").stdout
    assert listed() == {**before, "runs": []}
    pruned = json.loads(invsound("cache", "prune", "--run", "one", "--json").stdout)
    assert pruned["removed"]["shards"] == one["shards"]
    assert listed("--run", "one", "--run", "other")["runs"] == [{**one, "shards": 0, "bytes": 0}, other]
    assert invsound("cache", "verify").exit_code == 0
    scores = Path("one/scores.json").read_bytes()
    assert invsound("evaluate", "one", "--jobs", 1).exit_code == 0
    assert Path("one/scores.json").read_bytes() == scores
    shard = next(Path(before["folder"]).glob("??/*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-1])
    verdict = invsound("cache", "verify", "--json")
    assert (verdict.exit_code, json.loads(verdict.stdout)["damaged"]) == (1, [{"file": str(shard), "shard": shard.stem}])
    assert "1 shard, " in invsound("cache", "prune", "--damaged").stdout
    assert invsound("cache", "verify").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["prune"], "Prune what? Give --run RUN"),
        (["prune", "--older", "30"], ""),
        (["prune", "--older", "soon"], "--older is a number and a unit, such as 12h, 30d or 4w, got 'soon'"),
        (["prune", "--size", "5 parsecs"], "--size is a number and a unit, such as 500MB or 5GB, got '5 parsecs'"),
        (["--run", "nowhere"], "'nowhere' is no run folder"),
        (["prune", "--run", "nowhere"], "'nowhere' is no run folder"),
    ],
)
def test_what_is_asked_wrongly_is_said(arguments, said, invsound):
    result = invsound("cache", *arguments)
    assert (result.exit_code, said in result.stderr) == (2 if said else 0, True), result.stderr


def test_no_run_folder_is_an_error_in_python_too(store):
    with pytest.raises(UsageError, match="is no run folder"):
        cache.of_runs([store.root], store)
