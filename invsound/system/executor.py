"""Where shards are computed: one seam, `submit(function, *arguments)`. In this process, or in workers of one thread each."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.context import SpawnContext, SpawnProcess
from queue import SimpleQueue
from typing import Any

import torch

from ..errors import InvsoundError
from . import heap
from .shared import UNGUARDED, check_main_guard

WINDOW = 4096
"""Tasks that an executor is asked for at a time."""


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many torch threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def single_thread() -> Iterator[None]:
    """One torch thread inside the block: many small operations on several threads mostly wait for each other on a busy machine."""
    with threads(1):
        yield


class InProcess(Executor):
    """Runs what is submitted at once, here, on one thread: the same bits as a worker gives."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            with single_thread():
                future.set_result(function(*arguments, **keywords))
        except Exception as error:
            future.set_exception(error)
        return future


def _start_worker() -> None:
    torch.set_num_threads(1)
    heap.keep()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def local(jobs: int) -> Iterator[Executor]:
    """An executor on this machine. One thread per worker beats several threads in one, and gives the same bits for any `jobs`.

    Raises InvsoundError, which says how, where a worker ended that was not to end.
    """
    if jobs <= 1:
        yield InProcess()
        return
    with workers(jobs) as pool:
        yield pool


@contextmanager
def workers(jobs: int) -> Iterator[Pool]:
    """Processes of one thread each."""
    check_main_guard()
    inherited = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    os.environ.update(dict.fromkeys(inherited, "1"))
    with deaf():
        pool = Pool(jobs)
    try:
        yield pool
    except KeyboardInterrupt:
        pool.kill()
        raise
    except BrokenExecutor as error:
        pool.shutdown()  # after which it is known how they ended
        raise InvsoundError(_why({process.exitcode for process in pool.workers.started})) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in inherited.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


class Pool(ProcessPoolExecutor):
    """Its processes, which a task may start, leave Ctrl-C to their parent."""

    def __init__(self, jobs: int) -> None:
        self.workers = _Workers()
        super().__init__(jobs, self.workers, _start_worker)

    def kill(self) -> None:
        """End its processes, whatever they are at."""
        self.workers.kill()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        with deaf():
            return super().submit(function, *arguments, **keywords)


class _Workers(SpawnContext):
    """How a pool starts its processes, which are remembered: until Python 3.14 it cannot be asked to kill them."""

    def __init__(self) -> None:
        self.started: list[SpawnProcess] = []

    def Process(self, *arguments: Any, **keywords: Any) -> SpawnProcess:  # type: ignore[override]
        self.started.append(process := SpawnProcess(*arguments, **keywords))
        return process

    def kill(self) -> None:
        """Without waiting for their shards, or for their imports: what is written is whole."""
        for process in self.started:
            with contextlib.suppress(AttributeError, ValueError):  # not started; closed
                process.kill()


@contextmanager
def deaf() -> Iterator[None]:
    """Processes started in this block hear neither Ctrl-C nor a closing terminal, from their first moment: their parent does, after it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def run_all(
    executor: Executor, function: Callable[..., Any], tasks: Iterable[Any], done: Callable[[Any, Any], None], window: int | None = None
) -> list[Any]:
    """`function(task)` of every task, in their order; `done(task, result)` as each ends. What is finished stays finished when one fails.

    No more than `window` (null: WINDOW) are asked for at a time: of a million, each would be kept as a Future.
    """
    results: dict[int, Any] = {}
    ended: SimpleQueue[tuple[int, Future[Any]]] = SimpleQueue()
    asked: dict[int, Any] = {}
    waiting = 0

    def take() -> None:
        nonlocal waiting
        index, future = ended.get()
        waiting -= 1
        results[index] = future.result()
        done(asked.pop(index), results[index])

    for index, task in enumerate(tasks):
        asked[index] = task
        executor.submit(function, task).add_done_callback(partial(lambda index, future: ended.put((index, future)), index))
        waiting += 1
        while waiting and (waiting >= (window or WINDOW) or not ended.empty()):
            take()
    while waiting:
        take()
    return [results[index] for index in range(len(results))]


def _why(exitcodes: set[int | None]) -> str:
    """What ended worker processes that were not to end."""
    if UNGUARDED in exitcodes:
        return (
            "The script that asks for several jobs has no main guard: every worker imports it, and would begin it anew. Put what it does "
            "under if __name__ == '__main__':, or give jobs=1."
        )
    if codes := sorted(code for code in exitcodes if code is not None and code > 0):
        return (
            f"A worker process ended with exit code {codes[0]}: a part, or what the script imports, ends it. With jobs=1 it is seen where."
        )
    return (
        "A worker process died: it was killed, or the machine ran out of memory. Finished shards are kept: "
        "give the same command again, with a smaller --jobs if memory was short."
    )
