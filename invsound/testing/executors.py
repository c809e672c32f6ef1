"""Laws of executors, on small functions of Python's own that any process can import at once."""

from __future__ import annotations

import multiprocessing
import operator
import os
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..hooks import options
from .law import hold, law, skip
from .subject import Subject

PATIENCE = 180.0
"""Seconds after which a future that has no end has none: other machines may be busy."""


def ended(*futures: Future[Any]) -> None:
    """Break the law if a future does not end."""
    deadline = time.monotonic() + PATIENCE
    while (left := sum(not future.done() for future in futures)) and time.monotonic() < deadline:
        time.sleep(0.01)  # concurrent.futures.wait does not hear of cancelled ones
    hold(not left, f"Of {len(futures)} tasks {left} had not ended after {PATIENCE:g} s")


@law("executor", mend="start pools, threads and connections in the first submit, and look in check() whether they can be had.")
def building_starts_nothing(subject: Subject) -> None:
    """An executor is also built only to be checked: that starts no thread and no process."""
    before = threading.active_count(), len(multiprocessing.active_children())
    subject.build().check()
    after = threading.active_count(), len(multiprocessing.active_children())
    hold(after <= before, f"Built and checked, there were {after[0]} threads and {after[1]} processes, {before[0]} and {before[1]} before")


@law("executor", mend="keep each task beside its Future, and set what it returned, or raised, on that one.")
def results_are_those_of_the_tasks(subject: Subject) -> None:
    """Each Future has the result of its own task, whatever the order in which they end."""
    with subject.build() as executor:
        slow = executor.submit(time.sleep, 0.3)
        divided = [executor.submit(divmod, 100, k) for k in range(1, 7)]
        keyword = executor.submit(int, "11", base=5)
        ended(slow, keyword, *divided)
        hold(slow.result() is None, f"time.sleep returned {slow.result()!r}")
        found, true = [future.result() for future in divided], [divmod(100, k) for k in range(1, 7)]
        hold(found == true, f"divmod(100, k) of k = 1 … 6 is {found}")
        hold(keyword.result() == 6, f"int('11', base=5) is {keyword.result()!r}")
        hold(list(executor.map(operator.add, [1, 2, 3], [10, 20, 30])) == [11, 22, 33], "map loses the order of its arguments")


@law("executor", mend="send what a task raised back as it is, and set it on the Future: future.set_exception(error).")
def exceptions_come_back(subject: Subject) -> None:
    """What a task raises is raised by its Future, of the same type and with the same message, and the next task is computed."""
    with subject.build() as executor:
        wrong, usage, right = executor.submit(int, "x"), executor.submit(options.from_overrides, ["x"]), executor.submit(abs, -1)
        ended(wrong, usage, right)
        for future, expected, word in ((wrong, ValueError, "invalid literal"), (usage, UsageError, "key=value")):
            error = future.exception()
            hold(type(error) is expected and word in str(error), f"A {expected.__name__} came back as {error!r}")
        hold(right.result() == 1, f"After two tasks that raise, abs(-1) is {right.result()!r}")


@law("executor", mend="compute in processes, wherever they are; threads of this process may wait for them.")
def no_other_thread_computes(subject: Subject) -> None:
    """Tasks are computed in other processes, or by the thread that asks: torch's generators and derivatives are one per process."""
    with subject.build() as executor:
        futures = [(executor.submit(os.getpid), executor.submit(threading.get_ident)) for _ in range(3)]
        ended(*(future for pair in futures for future in pair))
        for process, thread in futures:
            here = process.result() == os.getpid() and thread.result() != threading.get_ident()
            hold(not here, "A task ran in another thread of this process")


@law("executor", mend="in shutdown, wait for what was submitted unless cancel_futures; from then on submit raises RuntimeError.")
def shutdown_waits_and_closes(subject: Subject) -> None:
    """shutdown() returns when all that was submitted is done; then no task is taken. A second shutdown() does no harm."""
    executor = subject.build()
    futures = [executor.submit(time.sleep, 0.2) for _ in range(3)]
    executor.shutdown()
    hold(all(future.done() and not future.cancelled() for future in futures), "After shutdown() not all of 3 tasks were done")
    executor.shutdown()
    try:
        executor.submit(abs, -1)
    except RuntimeError:
        return
    hold(False, "After shutdown() it took another task")


@law("executor", mend="where a Future was cancelled, do not begin its task: future.set_running_or_notify_cancel() says so.")
def what_is_cancelled_is_not_begun(subject: Subject) -> None:
    """A task whose Future says that it was cancelled is never computed; one that cannot be any more has its result."""
    with tempfile.TemporaryDirectory() as folder, subject.build() as executor:
        futures = [executor.submit(time.sleep, 0.3) for _ in range(3)]
        traces = [Path(folder, str(k)) for k in range(6)]
        tasks = [executor.submit(trace.touch) for trace in traces]
        cancelled = [task.cancel() for task in reversed(tasks)][::-1]
        ended(*futures)
        executor.shutdown()
        for said, task, trace in zip(cancelled, tasks, traces, strict=True):
            hold(said == task.cancelled() and task.done(), f"cancel() said {said}, and the Future is {task}")
            hold(trace.exists() != said, f"A task that was {'' if said else 'not '}cancelled had {'' if trace.exists() else 'not '}run")


@law("executor", mend="in shutdown(wait=False, cancel_futures=True) cancel what has not begun, and end the Futures of what has.")
def an_interruption_ends_every_future(subject: Subject) -> None:
    """After shutdown(wait=False, cancel_futures=True) every Future ends: with its result, an exception, or cancelled."""
    executor = subject.build()
    first = executor.submit(abs, -1)
    ended(first)
    others = [executor.submit(time.sleep, 0.5) for _ in range(6)]
    executor.shutdown(wait=False, cancel_futures=True)
    ended(*others)
    hold(first.result() == 1, "A task that was done before lost its result")


@law("executor", mend="notice that a process is gone, submit its task again a few times, then set an InvsoundError that says what to do.")
def a_lost_task_comes_back_or_is_said(subject: Subject) -> None:
    """A task whose process is killed is computed again or ends in an exception, never in silence; what was finished stays finished."""
    with subject.build() as executor:
        first, process = executor.submit(abs, -1), executor.submit(os.getpid)
        ended(first, process)
        if process.result() == os.getpid():
            skip("it computes in this process")
        lost = executor.submit(os._exit, 9)
        ended(lost)
        hold(lost.exception() is not None, "os._exit(9) returned a result")
        hold(first.result() == 1, "A task that was done before lost its result")


@law("executor", mend="return a whole number from 1 to count.")
def tasks_go_together_in_whole_numbers(subject: Subject) -> None:
    """together(count) is a whole number from 1 to count, and at_once one from 1."""
    for count in (1, 7, 10_000):
        size = subject.instance.together(count)
        hold(type(size) is int and 1 <= size <= count, f"together({count}) is {size!r}")
    hold(type(subject.instance.at_once) is int and subject.instance.at_once >= 1, f"at_once is {subject.instance.at_once!r}")
