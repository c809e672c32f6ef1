"""Mutants: executors."""

import multiprocessing
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

from invsound import Executor

from .common import Options, breaks


class GoodExecutor(Executor):
    """Two processes, started by the first task."""

    Options = Options

    def __init__(self, options):
        super().__init__(options)
        self.pool = None

    def started(self):
        return ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))

    def submit(self, function, /, *arguments, **keywords):
        self.pool = self.pool or self.started()
        return self.pool.submit(function, *arguments, **keywords)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.pool = self.pool or self.started()
        self.pool.shutdown(wait, cancel_futures=cancel_futures)


class Here(GoodExecutor):
    """Computes at once, by the thread that asks: quick, for mutants of what comes back."""

    def submit(self, function, /, *arguments, **keywords):
        future = Future()
        try:
            future.set_result(function(*arguments, **keywords))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        pass


@breaks("executor", "building starts nothing")
class Eager(GoodExecutor):
    def __init__(self, options):
        super().__init__(options)
        self.watch = threading.Thread(target=threading.Event().wait, daemon=True)
        self.watch.start()


@breaks("executor", "results are those of the tasks")
class Swapping(Here):
    last = None

    def submit(self, function, /, *arguments, **keywords):
        future = super().submit(function, *arguments, **keywords)
        self.last, before = future, self.last
        return before or future


@breaks("executor", "exceptions come back")
class Wrapping(Here):
    def submit(self, function, /, *arguments, **keywords):
        future = super().submit(function, *arguments, **keywords)
        if error := future.exception():
            future = Future()
            future.set_exception(RuntimeError(f"a job failed: {error}"))
        return future


@breaks("executor", "no other thread computes")
class Threads(GoodExecutor):
    def started(self):
        return ThreadPoolExecutor(2)


@breaks("executor", "shutdown waits and closes")
class Open(Here):
    """It goes on taking tasks."""


@breaks("executor", "what is cancelled is not begun")
class Heedless(Here):
    """It says that what it has computed is cancelled."""

    def submit(self, function, /, *arguments, **keywords):
        future = super().submit(function, *arguments, **keywords)
        return Future() if function.__name__ == "touch" else future


@breaks("executor", "an interruption ends every future")
class Leaving(Here):
    def submit(self, function, /, *arguments, **keywords):
        return super().submit(function, *arguments, **keywords) if function is abs else Future()


@breaks("executor", "a lost task comes back or is said")
class Silent(GoodExecutor):
    def submit(self, function, /, *arguments, **keywords):
        inner, outer = super().submit(function, *arguments, **keywords), Future()
        inner.add_done_callback(lambda done: None if done.exception() else outer.set_result(done.result()))
        return outer


@breaks("executor", "tasks go together in whole numbers")
class Halving(Here):
    def together(self, count):
        return count / 2
