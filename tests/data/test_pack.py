"""Packs: many shards in one file, of which each comes back bit for bit or not at all, whoever packs and whatever interrupts it."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from invsound import InvsoundError
from invsound.data import columns, pack, packing, rows, shards, store
from invsound.data.rows import Rows, whole
from invsound.data.store import Store
from invsound.executor import Workforce
from invsound.runs import config
from invsound.runs.parts import Parts
from invsound.system.claim import claimed

ADDRESSES = [f"{k:064x}" for k in range(1, 7)]


def column(address):
    return torch.randn(8, 3, 2, generator=torch.Generator().manual_seed(int(address, 16)))


@pytest.fixture
def packed(tmp_path):
    """Six shards in one pack."""
    kept = Store(tmp_path / "cache")
    for address in ADDRESSES:
        kept.put(address, column(address))
    kept.pack(ADDRESSES)
    return kept


def files(kept):
    return sorted(path for path in kept.root.rglob("*.safetensors"))


def come_back(kept, but=()):
    for address in ADDRESSES:
        found = kept.get(address)
        assert found is None if address in but else torch.equal(found, column(address))
        assert kept.has(address) or address in but


def test_what_is_packed_comes_back_in_any_process(packed):
    assert [path.parent.name for path in files(packed)] == ["packs"]
    come_back(packed)
    come_back(Store(packed.root))
    for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool):
        packed.put("ab" * 32, torch.ones(3, 0, 2, dtype=dtype))
        packed.put("cd" * 32, column(ADDRESSES[0]).to(dtype))
        packed.pack(["ab" * 32, "cd" * 32])
        assert packed.get("ab" * 32).shape == (3, 0, 2)
        assert torch.equal(packed.get("cd" * 32), column(ADDRESSES[0]).to(dtype))
        packed.drop(["ab" * 32, "cd" * 32])
    come_back(packed)


def test_rows_are_read_alone(packed):
    rows = Rows(packed, ADDRESSES, 8, 48)
    every = torch.cat([column(address) for address in ADDRESSES])
    assert torch.equal(whole(rows), every)
    some = torch.randperm(48, generator=torch.Generator().manual_seed(0))[:13]
    assert torch.equal(rows[some], every[some])
    assert len(rows) == 48
    packed.drop(ADDRESSES[2:3])
    with pytest.raises(InvsoundError, match="A shard is gone that was there"):
        rows[torch.tensor([17])]
    packed.put(ADDRESSES[2], column(ADDRESSES[2]))
    assert torch.equal(rows[some], every[some])


def test_rows_of_a_shard_that_is_not_packed_are_read_alone_too(packed):
    own = "ef" * 32
    packed.put(own, column(ADDRESSES[0]))
    damaged = bytearray(packed.path(own).read_bytes())
    damaged[-1] ^= 1
    packed.path(own).write_bytes(damaged)
    assert packed.get(own) is None
    assert torch.equal(packed.rows(own, [3, 0]), column(ADDRESSES[0])[[3, 0]])
    packed.path(own).write_bytes(damaged[: len(damaged) // 2])
    with pytest.raises(InvsoundError, match="A shard is gone that was there"):
        packed.rows(own, [7])


def test_one_that_reads_goes_on_when_another_merges(packed):
    reader, every = Store(packed.root), torch.cat([column(address) for address in ADDRESSES])
    rows = Rows(reader, ADDRESSES, 8, 48)
    assert torch.equal(whole(rows), every)
    (first,) = files(packed)
    packed.put("ab" * 32, torch.zeros(8, 1))
    packed.pack(["ab" * 32])
    assert not first.exists()
    assert len(files(packed)) == 1
    assert torch.equal(whole(rows), every)
    assert torch.equal(reader.get("ab" * 32), torch.zeros(8, 1))


def test_a_pack_that_is_large_enough_is_left_alone(packed, monkeypatch):
    monkeypatch.setattr(store, "PACK", 100)
    packed.put("ab" * 32, torch.zeros(8, 1))
    packed.pack(["ab" * 32])
    assert len(files(packed)) == 2
    come_back(packed)


@pytest.mark.parametrize("damage", ["altered", "truncated", "no header", "another's"])
def test_of_a_damaged_pack_the_whole_shards_are_left(packed, damage):
    (path,) = files(packed)
    content = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    places = json.loads(content[8:start])
    begin = {address: start + places[address]["data_offsets"][0] for address in ADDRESSES}
    last = max(ADDRESSES, key=begin.get)
    if damage == "altered":
        content[begin[ADDRESSES[1]] + 5] ^= 1
    if damage == "truncated":
        content = content[:-3]
    if damage == "no header":
        content[8:12] = b"????"
    if damage == "another's":
        places[ADDRESSES[0]], places[ADDRESSES[1]] = places[ADDRESSES[1]], places[ADDRESSES[0]]
        header = json.dumps(places, separators=(",", ":")).encode().ljust(start - 8)
        content[8:start] = header
    path.write_bytes(content)
    bad = {"altered": ADDRESSES[1:2], "truncated": [last], "no header": ADDRESSES, "another's": ADDRESSES[:2]}[damage]
    again = Store(packed.root)
    come_back(again, bad)
    for address in bad:  # as they are computed again
        again.drop([address])
        again.put(address, column(address))
    again.pack(ADDRESSES)
    come_back(again)
    come_back(Store(packed.root))


def test_where_another_packs_or_was_killed_nothing_is_lost(packed):
    packed.put("ab" * 32, torch.zeros(8, 1))
    with claimed(packed.packs):
        packed.pack(["ab" * 32])
    assert packed.path("ab" * 32).exists()
    (packed.packs / ".0123456789abcdef.part").write_bytes(b"half a pack")
    packed.pack(["ab" * 32])
    assert not packed.path("ab" * 32).exists()
    assert sorted(path.name for path in packed.packs.iterdir() if path.suffix == ".part") == []
    come_back(packed)


@pytest.mark.parametrize("loss", ["pnp", "ploss"])
def test_packed_or_not_scores_are_the_same(loss, tiny, invsound, toy, monkeypatch, tmp_path):
    """Whatever stays on disk, and whoever prepared it; a damaged pack is computed again."""

    def scores(name):
        result = invsound(*toy(tiny, "--loss", loss, "--out", name))
        assert result.exit_code == 0, result.stderr
        return Path(name, "scores.json").read_bytes(), result.stderr

    expected, _ = scores("alone")
    monkeypatch.setattr(packing, "FILES", 2)
    monkeypatch.setattr(store, "PACK", 3000)
    monkeypatch.setattr(columns, "IN_MEMORY", 0)
    assert scores("packed from files")[0] == expected
    kept = Store()
    assert len(files(kept)) < 7
    assert not list(kept.root.glob("??/*"))[1:]
    monkeypatch.setenv("INVSOUND_CACHE", str(tmp_path / "other"))
    assert scores("packed as it was computed")[0] == expected
    path = max((tmp_path / "other" / "packs").glob("*.safetensors"), key=lambda path: path.stat().st_size)
    path.write_bytes(path.read_bytes()[:-20])
    found, said = scores("damaged")
    assert found == expected
    assert "damaged and is computed again" in said
    assert invsound("cache", "verify").exit_code == 0
    listed = json.loads(invsound("cache", "--run", "alone", "--json").stdout)
    assert listed["runs"][0]["shards"] == listed["runs"][0]["wanted"] == listed["shards"]
    assert json.loads(invsound("cache", "prune", "--run", "alone", "--json").stdout)["left"]["shards"] == 0
    assert files(Store()) == []


def test_of_shards_that_are_computed_together_those_before_a_failure_are_kept(tiny, tmp_path, monkeypatch):
    parts = Parts(config.resolve({"parts": {"synth": tiny, "feature": "mss", "loss": "ploss"}}))
    kept, nu = Store(tmp_path / "cache"), torch.rand(40, 2, generator=torch.Generator().manual_seed(0)) - 0.5
    (tasks,) = columns.tasks(parts, {0: ("inputs", nu, ())}, kept, "cpu").values()
    compute = shards.compute_shard
    monkeypatch.setattr(shards, "compute_shard", lambda task: compute(task) if task is not tasks[3] else pytest.fail("not this"))
    with pytest.raises(pytest.fail.Exception):
        shards.compute_shards(tasks)
    assert [Store(kept.root).has(task.address) for task in tasks] == [True] * 3 + [False] * 2
    monkeypatch.undo()
    assert [one.size > 0 for one in shards.compute_shards(tasks)] == [False] * 3 + [True] * 2
    expected = torch.cat([shards.compute_shard(task) for task in tasks])
    assert torch.equal(rows.read(tasks, Store(kept.root)), expected)


def test_what_stays_on_disk_is_read_and_checked_unless_it_is_new(tiny, tmp_path, monkeypatch):
    parts = Parts(config.resolve({"parts": {"synth": tiny, "feature": "mss", "loss": "ploss"}}))
    monkeypatch.setattr(columns, "IN_MEMORY", 0)
    kept, nu = Store(tmp_path / "cache"), {"train": torch.rand(40, 2, generator=torch.Generator().manual_seed(0)) - 0.5}
    get, read = Store.get, list[str]()
    monkeypatch.setattr(Store, "get", lambda self, address: read.append(address) or get(self, address))
    columns.prepare(parts, nu, kept, Workforce(), folds=["train"])
    assert len(read) == 1
    fold = columns.prepare(parts, nu, kept, Workforce(), folds=["train"])["train"]
    assert len(read) == 1 + 5
    assert torch.equal(fold.whole("inputs"), torch.cat([get(kept, address) for address in fold.columns["inputs"].addresses]))


def test_packs_are_merged_as_they_lie_there_the_first_that_has_a_shard_first(tmp_path):
    def written(name, **columns):
        pack.write_pack(tmp_path / name, columns)
        return pack.Pack.read(tmp_path / name)

    a, b, c = torch.arange(6.0).view(3, 2), torch.arange(4, dtype=torch.float16).view(1, 4), torch.zeros(2, 0)
    packs = [written("one", a=a, b=b), written("two", a=a + 1, c=c, d=a), written("three", e=b)]
    cut = tmp_path / "three"
    cut.write_bytes(cut.read_bytes()[:-1])
    pack.merge_packs(tmp_path / "all", [*packs[:2], pack.Pack.read(cut)], {"d"})
    whole = pack.Pack.read(tmp_path / "all")
    assert {address: whole.get(address).tolist() for address in whole.addresses} == {"a": a.tolist(), "b": b.tolist(), "c": c.tolist()}
    assert load_file(tmp_path / "all").keys() == {"a", "b", "c"}
    with pytest.raises(InvsoundError, match="became shorter"):
        pack.merge_packs(tmp_path / "all", packs)


def test_cheap_shards_of_a_column_go_together_and_others_alone():
    def task(column, at):
        return shards.Task(column, "", b"", 8, "", f"{column}{at}", "")

    tasks = [task("inputs", 0), task("side", 0), *(task("inputs", k) for k in range(1, 200)), *(task("side", k) for k in range(1, 4))]
    pace = packing.Pace()
    groups = pace.groups(tasks)
    assert [next(groups), next(groups)] == [tasks[:1], tasks[1:2]]
    pace.learn(tasks[:2], [packing.Made(0.04, 1), packing.Made(1.0, 1)])
    rest = list(groups)
    assert [one for group in rest for one in group] == tasks[2:]
    assert [len(group) for group in rest] == [25] * 7 + [24, 1, 1, 1]
    assert [len(group) for group in packing.Pace().groups(tasks, 3)] == [3] * 67 + [3]


def test_all_that_is_there_is_listed_as_it_is_found_one_by_one(tmp_path):
    store, asked = Store(tmp_path), [f"{k:02x}" * 32 for k in range(6)]
    assert store.addresses() == set()
    store.put_all({address: torch.ones(8, 2) for address in asked[:2]})
    for address in asked[2:5]:
        store.put(address, torch.ones(8, 2))
    store.pack(asked[2:3])
    (tmp_path / "03" / ".rest.safetensors").write_text("of a killed writer")
    (tmp_path / "03" / "notes.txt").write_text("not ours")
    for one in (store, Store(tmp_path)):
        assert one.addresses() == {address for address in asked if one.has(address)} == set(asked[:5])
        assert one.alone() == set(asked[3:5])
    store.drop(asked[:1])
    assert Store(tmp_path).addresses() == set(asked[1:5])


def test_of_a_cache_that_was_removed_nothing_is_there(packed):
    assert packed.has(ADDRESSES[0])
    shutil.rmtree(packed.root)
    assert not any(packed.has(address) for address in ADDRESSES)
    packed.put_all({address: column(address) for address in ADDRESSES[:2]})
    assert [packed.has(address) for address in ADDRESSES[:3]] == [True, True, False]
