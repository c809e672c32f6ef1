"""Independent pieces of one sound, side by side: one torch thread each, since several threads in one piece mostly wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
WORTH = 1 << 14
"""Samples of a sound from which the start of threads pays."""


@contextmanager
def team(x: Tensor) -> Iterator[Map]:
    """`map`, with the work done by as many threads as torch has: results are the same for any number, and come in order."""
    threads = torch.get_num_threads()
    if threads == 1 or x.device.type != "cpu" or x.shape[-1] < WORTH:
        yield map
        return
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, "jtfs", torch.set_num_threads, (1,)) as pool:
            yield lambda function, items: pool.map(torch.no_grad()(function), items)
    finally:
        torch.set_num_threads(threads)
