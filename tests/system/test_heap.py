"""Memory of large tensors is kept inside the block, and given back at its end; a worker keeps it. Each test has a process of its own."""

import json
import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")

PROGRAM = """
import contextlib, json, resource
import torch
from invsound.system import executor, heap

def faults(_=None):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])

def main():
    outside, before = faults(), resident()
    with contextlib.suppress(KeyError), heap.kept():
        faults()
        inside, kept = faults(), resident() - before
        raise KeyError
    after = resident() - before
    with executor.local(2) as pool:
        worker = min(list(pool.map(faults, range(8)))[4:])
    print(json.dumps({"outside": outside, "inside": inside, "kept": kept, "after": after, "worker": worker}))

if __name__ == "__main__":
    main()
"""


def measured(folder, **variables):
    """Pages that tensors of 64 MiB ask for outside the block, in it and in a worker, and those held in it and after an error ended it."""
    (folder / "program.py").write_text(PROGRAM)
    tuned = [name for name in os.environ if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"]
    environment = {name: value for name, value in os.environ.items() if name not in tuned} | variables
    done = subprocess.run([sys.executable, str(folder / "program.py")], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_memory_is_kept_inside_the_block_and_given_back_after_it(tmp_path):
    pages = measured(tmp_path)
    assert pages["inside"] < pages["outside"] / 4
    assert pages["after"] < pages["kept"] / 2
    assert pages["worker"] < pages["outside"] / 4


@pytest.mark.parametrize("variables", [{"MALLOC_ARENA_MAX": "2"}, {"GLIBC_TUNABLES": "glibc.malloc.arena_max=2"}], ids=str)
def test_who_tuned_the_allocator_is_left_alone(tmp_path, variables):
    pages = measured(tmp_path, **variables)
    assert min(pages["inside"], pages["worker"]) > pages["outside"] / 2
