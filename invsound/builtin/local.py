"""Processes of this machine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor as Pool
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ..executor import Executor
from ..hooks.bounds import check_bounds, option
from ..system import executor


@dataclass
class LocalOptions:
    """Processes of this machine.

    jobs: processes, of one thread each; one is this process itself. --jobs says it too
    """

    jobs: int = option(1, low=1, high=1024)

    def __post_init__(self) -> None:
        check_bounds(self)


class Local(Executor):
    """Worker processes of one thread each, which give the same bits for any number of them; one job is this process."""

    Options = LocalOptions
    elsewhere = False
    check_options = {"jobs": 2}  # noqa: RUF012

    def __init__(self, options: LocalOptions) -> None:
        super().__init__(options)
        self._pool: Pool | None = None
        self._stack, self._closed = ExitStack(), False

    @property
    def at_once(self) -> int:
        jobs: int = self.options.jobs
        return jobs

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        if self._closed:
            raise RuntimeError("The executor takes no more tasks after its shutdown.")
        if self._pool is None:
            self._pool = self._stack.enter_context(executor.local(self.options.jobs))
        return self._pool.submit(function, *arguments, **keywords)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._closed = True
        if self._pool and wait and not cancel_futures:
            self._pool.shutdown()
        self.__exit__(*((None,) * 3 if wait else (KeyboardInterrupt, KeyboardInterrupt(), None)))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """As `executor.local` ends: an interruption kills workers, without waiting for their shards."""
        self._closed = True
        self._stack.__exit__(kind, error, trace)
