"""What is stored comes back bit for bit, or not at all."""

import json
import os

import pytest
import torch

from invsound import InvsoundError
from invsound.data.store import Store, digest
from invsound.system.tensors import _first_checksum, load_tensors, save_tensors
from invsound.training import checkpoint


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_column_comes_back_bit_for_bit(store):
    for column in (
        torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)),
        torch.zeros(3, 0),
        torch.ones(2, 3, 3),
    ):
        store.put("ab" * 32, column)
        found = store.get("ab" * 32)
        assert found.dtype == column.dtype
        assert torch.equal(found, column)


def test_equal_tensors_are_equal_files(tmp_path):
    weights = {name: torch.full((2,), float(i)) for i, name in enumerate("cab")}
    for i in range(20):
        save_tensors(tmp_path / f"{i}.safetensors", dict(sorted(weights.items(), reverse=i % 2 == 0)))
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_an_address_depends_on_the_recipe_and_on_nu():
    nu = torch.rand(4, 2, generator=torch.Generator().manual_seed(0))
    addresses = {
        digest({"J": 8}, nu),
        digest({"J": 9}, nu),
        digest({"J": 8}, nu + 1e-7),
        digest({"J": 8}, nu[:3]),
        digest({"J": 8}, nu.reshape(2, 4)),
    }
    assert len(addresses) == 5
    assert digest({"J": 8}, nu) == digest({"J": 8}, nu.clone())


@pytest.mark.parametrize("damage", ["truncate", "alter", "empty", "missing"])
def test_a_damaged_shard_is_no_shard(store, damage):
    store.put("ab" * 32, torch.arange(100.0))
    path = store.path("ab" * 32)
    content = bytearray(path.read_bytes())
    if damage == "alter":
        content[-5] ^= 1
    path.write_bytes({"truncate": content[:-40], "alter": content, "empty": b"", "missing": content}[damage])
    if damage == "missing":
        path.unlink()
    assert store.get("ab" * 32) is None


def rewritten(path, **entry):
    """The file with other words in its header about the same bytes."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["column"] |= entry
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])


def test_a_shard_is_known_by_its_dtype_shape_and_address(store):
    here, there, column = "ab" * 32, "cd" * 32, torch.rand(8, 6, 4, generator=torch.Generator().manual_seed(0))
    for entry in ({"dtype": "I32"}, {"shape": [8, 4, 6]}, {"shape": [192]}):
        store.put(here, column)
        rewritten(store.path(here))
        assert torch.equal(store.get(here), column)
        rewritten(store.path(here), **entry)
        assert store.get(here) is None
    store.put(here, column)
    store.put(there, column + 1)
    exchanged = store.path(here).read_bytes(), store.path(there).read_bytes()
    store.path(there).write_bytes(exchanged[0])
    store.path(here).write_bytes(exchanged[1])
    assert store.get(here) is None
    assert store.get(there) is None


def test_what_the_first_release_wrote_is_read_in_run_folders_and_computed_again_in_the_cache(store, tmp_path):
    from safetensors.torch import save_file

    column = {"column": torch.arange(6.0)}
    for path in (tmp_path / "encoder.safetensors", store.path("ab" * 32)):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(column, path, {"sha256": _first_checksum(column, "")})
    assert torch.equal(load_tensors(tmp_path / "encoder.safetensors")[0]["column"], column["column"])
    assert store.get("ab" * 32) is None


def test_nothing_is_left_beside_a_shard_that_could_not_be_written(store, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InvsoundError, match="No space left on device"):
        store.put("ab" * 32, torch.zeros(3))
    assert list(store.path("ab" * 32).parent.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvsoundError, match="Cannot write"):
        Store(tmp_path / "file").put("ab" * 32, torch.zeros(3))


def test_a_checkpoint_keeps_an_optimizer(tmp_path):
    weights = [torch.nn.Parameter(torch.ones(3))]
    optimizer = torch.optim.Adam(weights)
    weights[0].grad = torch.ones(3)
    optimizer.step()
    checkpoint.save(tmp_path / "state.safetensors", {"optimizer": optimizer.state_dict(), "best": float("inf"), "list": [1, "a", None]})
    state = checkpoint.load(tmp_path / "state.safetensors")
    other = torch.optim.Adam(weights)
    other.load_state_dict(state["optimizer"])
    assert torch.equal(other.state[weights[0]]["exp_avg"], optimizer.state[weights[0]]["exp_avg"])
    assert state["best"] == float("inf")
    assert state["list"] == [1, "a", None]


def test_a_truncated_checkpoint_is_said(tmp_path):
    path = tmp_path / "state.safetensors"
    assert checkpoint.load(path) is None
    checkpoint.save(path, {"weights": torch.zeros(100)})
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InvsoundError, match=r"is damaged. Delete it and resume"):
        checkpoint.load(path)
