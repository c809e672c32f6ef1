"""Tasks from bytes to bytes, spread over processes that may crash or hang: one that does is replaced, and its task given once more."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from typing import Any

from .nursery import Child, Ended

START = 120.0
"""Seconds for a process to be ready."""
TRIES = 2, 6
"""How often a task may end its process, and how often none gets ready: somebody may kill them, and a process is long in getting ready."""


class Failed(Exception):
    """A task, by its index, has no answer, and why; without an index, no process gets ready."""

    def __init__(self, index: int | None, why: str) -> None:
        super().__init__(why)
        self.index, self.why = index, why


class Pool:
    """Processes that call `target` ("module:function") with a connection and `arguments`.

    Each says `b"ready"`, or why it cannot be, and from then on answers a message with one message of at most `size` bytes. `lost` is told
    in what way a process ended that was ready, and is replaced. A process of a fork of this one has pools of its own.
    """

    def __init__(self, workers: int, size: int, lost: Callable[[str], None], target: str, *arguments: Any) -> None:
        self.workers, self.size, self.lost, self._recipe, self.owner = workers, size, lost, (target, *arguments), os.getpid()
        self._started: dict[Child, float] = {}
        self._idle: list[Child] = []
        self._one = threading.Lock()

    def map(self, tasks: Sequence[bytes], limit: float, take: Callable[[int, bytes], None], every: bool = False) -> list[Failed]:
        """`take(index, answer)` of each task as it comes, within `limit` seconds each. Raises Failed, after the tasks under way.

        With `every` task tried, those that failed are returned; Failed is raised where no process gets ready. One thread at a time.
        """
        with self._one:
            return self._map(tasks, limit, take, every)

    def _map(self, tasks: Sequence[bytes], limit: float, take: Callable[[int, bytes], None], every: bool) -> list[Failed]:
        waiting, tries, busy = deque(range(len(tasks))), Counter[int | None](), dict[Child, tuple[int, float]]()
        failed: list[Failed] = []
        try:
            while waiting or busy:
                self._assign(tasks, waiting, busy, limit)
                self._answers(waiting, tries, busy, failed, take)
                if failed and (not every or failed[-1].index is None):
                    waiting.clear()
        finally:
            for child in busy:  # an error of the one who takes, or Ctrl-C
                child.close(kill=True)
        failed.sort(key=lambda one: -1 if one.index is None else one.index)
        if failed and (not every or failed[0].index is None):
            raise failed[0]
        return failed

    def close(self) -> None:
        for child in (*self._started, *self._idle):
            child.close(kill=True)
        self._started, self._idle = {}, []

    def _assign(self, tasks: Sequence[bytes], waiting: deque[int], busy: dict[Child, tuple[int, float]], limit: float) -> None:
        self._idle = [child for child in self._idle if not self._is_gone(child)]
        while waiting and self._idle:
            child, index = self._idle.pop(), waiting.popleft()
            busy[child] = index, time.monotonic() + limit
            with contextlib.suppress(Ended):  # which is what will be heard of it
                child.send(tasks[index])
        while len(self._started) < len(waiting) and len(self._started) + len(busy) < self.workers:
            self._started[Child(*self._recipe)] = time.monotonic() + START

    def _is_gone(self, child: Child) -> bool:
        """Whether a process that nothing was asked of has ended."""
        if not child.connection.poll():
            return False
        self.lost(child.close())
        return True

    def _answers(
        self, waiting: deque[int], tries: Counter[int | None], busy: dict[Child, tuple[int, float]], failed: list[Failed], take: Any
    ) -> None:
        until = {child: end for child, (_, end) in busy.items()} | self._started
        heard = wait([child.connection for child in until], max(0.0, min(until.values()) - time.monotonic()))
        for child in until:
            late = time.monotonic() > until[child]
            if child.connection not in heard and not late:
                continue
            index = busy.pop(child)[0] if child in busy else None
            self._started.pop(child, None)
            try:
                self._hear(child, index, late and child.connection not in heard, take)
            except Ended as ended:
                tries[index] += 1
                if tries[index] >= TRIES[index is None]:
                    failed.append(Failed(index, f"ended the process ({ended}), {'twice' if index is not None else 'again and again'}"))
                    continue
                if index is not None:
                    self.lost(str(ended))
                    waiting.appendleft(index)
            except Failed as error:
                failed.append(error)

    def _hear(self, child: Child, index: int | None, late: bool, take: Callable[[int, bytes], None]) -> None:
        """Raises Ended; Failed of a process that cannot get ready, or is late. Such a one ends, as nobody holds it any more."""
        if late:
            raise Failed(index, "did not end" if index is not None else f"was not ready within {START:g} s")
        answer = child.receive(self.size)
        if index is None and answer != b"ready":
            raise Failed(None, answer.decode("utf-8", "replace"))
        if index is not None:
            take(index, answer)
        self._idle.append(child)  # what has failed is not asked again: nobody knows what is left in it
