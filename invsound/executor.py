"""An executor: who computes what takes long, the shards of prepared columns, sounds to be matched, the runs of a sweep."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar

from .errors import InvsoundError, UsageError
from .hooks import options, registry


class Executor(futures.Executor, ABC):
    """A `concurrent.futures.Executor`, built as `Executor(options)` with an instance of its `Options` dataclass.

    It computes in processes of its own, or where it is asked, never in other threads: torch has state that all threads share. A task is
    a function of a module that can be imported there, with arguments that can be pickled; a shard is told by the path of the store that
    it goes to, so that no tensor passes through an executor.

    The promise: what is finished stays finished, whatever happens to the rest. A task whose process was lost is asked for again, a bounded
    number of times, or ends in an error that says what to do: a task may be computed twice.
    """

    Options: ClassVar[type]
    elsewhere: ClassVar[bool] = True
    """Whether its processes are not those of this command, on other machines perhaps: they are given whole runs of a sweep, and where this
    command ends early they are not waited for. If not, it has an option `jobs`, the number of processes, which --jobs sets."""

    def __init__(self, options: Any) -> None:
        self.options = options

    def check(self) -> None:
        """Raise UsageError where it cannot work here; asked before anything is made. It starts nothing."""

    @property
    def at_once(self) -> int:
        """How many tasks it computes at a time, for the time left that is shown."""
        return 1

    def together(self, count: int) -> int:
        """How many of `count` short tasks, seconds each, are to be given to it as one."""
        return 1

    @abstractmethod
    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> futures.Future[Any]:
        """`function(*arguments, **keywords)` as a Future, which has its result or what it raised. RuntimeError after `shutdown`."""

    @abstractmethod
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks. What has not begun is cancelled if `cancel_futures`; what has is waited for if `wait`, which is false where
        this command is interrupted: then it returns soon, logs what goes on elsewhere, and no Future is left without an end."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        interrupted = kind is not None and (self.elsewhere or issubclass(kind, KeyboardInterrupt))
        self.shutdown(wait=not interrupted, cancel_futures=kind is not None)


@dataclass(frozen=True)
class Workforce:
    """Who computes: an executor by name, its options, and how many processes of this machine. It changes no result."""

    jobs: int = 1
    name: str = "local"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def elsewhere(self) -> bool:
        """Whether its processes are not those of this command."""
        cls: type[Executor] = registry.load(registry.find("executor", self.name))
        return cls.elsewhere

    @property
    def workers(self) -> bool:
        """Whether other processes than this one may compute."""
        return self.elsewhere or self.options.get("jobs", self.jobs) != 1

    def check(self) -> None:
        """Raise UsageError for a wrong name or option, or an executor that cannot work here."""
        self.executor(1).check()

    def executor(self, count: int, device: str = "cpu") -> Executor:
        """One for `count` tasks. Processes of this machine share the cores of a CPU; any other device is one, for this process alone."""
        given = dict(self.options)
        if not self.elsewhere:
            jobs = given.setdefault("jobs", self.jobs)
            if isinstance(jobs, int) and jobs > 0:
                given["jobs"] = min(jobs, max(count, 1)) if device == "cpu" else 1
        made = registry.build("executor", self.name, given)
        if not isinstance(made, Executor):
            raise InvsoundError(f"{registry.named(made)} is no invsound.Executor.")
        return made


def workforce(given: dict[str, Any], jobs: int, name: str, alone: bool = False) -> Workforce:
    """The workforce of a command, whose options of the group `executor` are taken out of `given`, which has no others if they are `alone`.

    Raises UsageError if it cannot work.
    """
    who = Workforce(jobs, name, options.group(given, "executor"))
    given.pop("executor", None)
    if alone and given:
        raise UsageError(f"What was begun goes on as it was: {next(iter(given))} cannot be given now, options of the executor can.")
    who.check()
    return who
