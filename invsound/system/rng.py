"""Randomness that depends on the seed and on what it is for, and on nothing that happened before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .shared import generators


def derive(seed: int, *purpose: object) -> int:
    """A 63-bit seed for one purpose: `derive(0, "epoch", 3)`."""
    text = repr((seed, *purpose)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: object) -> torch.Generator:
    """A CPU generator for one purpose."""
    return torch.Generator().manual_seed(derive(seed, *purpose))


@contextmanager
def forked(seed: int, *purpose: object) -> Iterator[None]:
    """torch's default generators seeded for one purpose inside the block, and left as they were after it.

    Weight initialisation and dropout take no generator of their own. One thread at a time: the generators are one per process.
    """
    with generators, torch.random.fork_rng():
        torch.manual_seed(derive(seed, *purpose))
        yield
