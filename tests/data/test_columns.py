"""Prepared columns: shared between runs, never stale, computed again where they are damaged."""

import sys
from pathlib import Path

import pytest
import torch

from invsound import InvsoundError
from invsound.data import columns, packing, shards, store
from invsound.experiments import results
from invsound.runs import config

MSS = {"feature.n_fft": "[256,64]"}


def test_a_truncated_shard_is_computed_again_and_a_truncated_checkpoint_is_said(tiny, invsound, toy):
    assert invsound(*toy(tiny, "--out", "first")).exit_code == 0
    for shard in list(store.default_root().rglob("*.safetensors"))[::2]:
        shard.write_bytes(shard.read_bytes()[:-20])
    again = invsound(*toy(tiny, "--out", "again"))
    assert again.exit_code == 0
    assert "damaged and is computed again" in again.stderr
    assert Path("again/scores.json").read_bytes() == Path("first/scores.json").read_bytes()
    state = Path("first/checkpoint/state.safetensors")
    state.write_bytes(state.read_bytes()[:-20])
    resumed = invsound("run", "--resume", "first")
    assert resumed.exit_code == 1
    assert "is damaged. Delete it and resume" in resumed.stderr
    state.unlink()
    assert invsound("run", "--resume", "first").exit_code == 0
    assert Path("again/scores.json").read_bytes() == Path("first/scores.json").read_bytes()


def test_exchanged_shards_are_found_and_computed_again(tiny, invsound, toy, monkeypatch):
    monkeypatch.setattr(packing, "MOST", 1)
    assert invsound(*toy(tiny, "--out", "first")).exit_code == 0
    shards = sorted(store.default_root().rglob("*.safetensors"), key=lambda path: path.stat().st_size)
    contents = [path.read_bytes() for path in shards]
    for path, content in zip(shards, [*contents[1:], contents[0]], strict=True):
        path.write_bytes(content)
    again = invsound(*toy(tiny, "--out", "again"))
    assert "damaged and is computed again" in again.stderr
    assert Path("again/scores.json").read_bytes() == Path("first/scores.json").read_bytes()
    assert [path.read_bytes() for path in shards] == contents


def test_prepared_columns_are_shared_between_runs(tiny, invsound, monkeypatch, toy):
    assert invsound(*toy(tiny, "--out", "first")).exit_code == 0
    monkeypatch.setattr(shards, "compute_shard", lambda task: pytest.fail("everything was prepared already"))
    assert invsound(*toy(tiny, "optimizer.lr=0.01", "--out", "second")).exit_code == 0


def test_a_seed_of_its_own_gives_all_seeds_of_a_sweep_the_same_sounds(tiny, invsound, monkeypatch, toy):
    assert invsound(*toy(tiny, "data.seed=5", "--out", "first")).exit_code == 0
    monkeypatch.setattr(shards, "compute_shard", lambda task: pytest.fail("everything was prepared already"))
    assert invsound(*toy(tiny, "data.seed=5", "seed=1", "--out", "second")).exit_code == 0
    assert results.read(Path("first")).sounds == results.read(Path("second")).sounds
    wrong = invsound(*toy(tiny, "data.seed=-1"))
    assert (wrong.exit_code, "0 to 2147483647" in wrong.stderr) == (2, True)


def test_columns_follow_the_options_that_made_them(tiny):
    nu = torch.zeros(2, 2)

    def address(column, **of):
        layers = {"parts": {"synth": tiny, "feature": "mss", "loss": "pnp"}, **of}
        return columns.address(config.resolve(layers), column, nu)

    assert address("side") != address("side", feature={"n_fft": [256, 64]})
    assert address("inputs") == address("inputs", feature={"n_fft": [256, 64]})
    assert address("inputs") == address("inputs", optimizer={"lr": 0.5}, train={"epochs": 9})
    assert address("side") == address("side", loss={"damping": "constant"})
    assert address("inputs") == address("inputs", encoder={"width": 4})
    assert address("inputs") != address("inputs", encoder={"hop": 128})
    assert address("inputs") != address("inputs", synth={"num_samples": 256})
    assert address("inputs") != address("side")


def test_an_edited_part_is_prepared_again_and_one_edited_meanwhile_is_said(tiny, invsound, toy, monkeypatch):
    import tiny_parts

    assert invsound(*toy(tiny, "--out", "first")).exit_code == 0
    source, prepared, compute = Path(tiny_parts.__file__), [], shards.compute_shard
    source.write_text(source.read_text().replace("torch.sin(", "0.5 * torch.sin("))
    monkeypatch.delitem(sys.modules, "tiny_parts")
    monkeypatch.setattr(shards, "compute_shard", lambda task: (prepared.append(task), compute(task))[1])
    assert invsound(*toy(tiny, "--out", "second")).exit_code == 0
    assert {task.column for task in prepared} == {"inputs", "side"}
    assert Path("first/scores.json").read_bytes() != Path("second/scores.json").read_bytes()
    source.write_text(source.read_text() + "# edited while workers start\n")
    shards._parts.cache_clear()
    with pytest.raises(InvsoundError, match="were changed while its columns were prepared"):
        compute(prepared[0])
