"""The memory of large tensors is kept inside the block, and nowhere else."""

import os
import platform

import pytest
import torch

from invsound import heap

resource = pytest.importorskip("resource")

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")


@pytest.fixture(autouse=True)
def untuned(monkeypatch):
    for name in list(os.environ):
        if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES":
            monkeypatch.delenv(name)


def faults():
    """Pages asked for by tensors of 64 MiB, made and dropped eight times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])


def test_memory_is_kept_inside_the_block_and_given_back_after_it():
    outside, before = faults(), resident()
    with heap.kept():
        faults()
        assert faults() < outside / 4
        kept = resident()
    assert resident() - before < (kept - before) / 2
    assert faults() > outside / 2


@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_who_tuned_the_allocator_is_left_alone(monkeypatch, name):
    monkeypatch.setenv(name, "2")
    outside = faults()
    with heap.kept():
        faults()
        assert faults() > outside / 2


def test_an_error_ends_the_block_too():
    outside = faults()
    with pytest.raises(KeyError), heap.kept():
        raise KeyError
    assert faults() > outside / 2
