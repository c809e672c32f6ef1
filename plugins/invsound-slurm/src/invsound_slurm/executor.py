"""An executor whose tasks are jobs of SLURM."""

from __future__ import annotations

import contextlib
import logging
import math
import shutil
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from invsound import Executor, InvsoundError, UsageError

from .options import SlurmOptions

if TYPE_CHECKING:
    from .cluster import Cluster

log = logging.getLogger("invsound")
ADVICE = (
    "If it ran out of time or memory, give more with executor.time or executor.memory, or fewer shards to a job with executor.chunk. "
    "What was computed is kept: the same command, or --resume of its run, goes on."
)


@dataclass
class Task:
    """What was asked for, and how often it was begun."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    future: Future[Any]
    begun: int = 0


class Slurm(Executor):
    """A thread of this process keeps at most `jobs` jobs in SLURM's queue, an array at a time, and waits for their results.

    A job that is gone without a result, lost with its node, killed, preempted or out of time, has its task asked for again, `tries` times.
    """

    Options = SlurmOptions
    check_options = {"cluster": "local", "jobs": 2, "poll": 0.05}  # noqa: RUF012

    def __init__(self, options: SlurmOptions) -> None:
        super().__init__(options)
        self._tasks: deque[Task] = deque()
        self._jobs: dict[Any, Task] = {}
        self._changed = threading.Condition()
        self._closed = self._left = self._failed = False
        self._thread: threading.Thread | None = None
        self._cluster: Cluster | None = None

    def check(self) -> None:
        missing = [name for name in ("sbatch", "squeue", "scancel", "srun") if shutil.which(name) is None]
        if self.options.cluster == "slurm" and missing:
            raise UsageError(
                f"There is no SLURM here: {', '.join(missing)} cannot be found. Give the command on a machine of the cluster, "
                "or without --executor slurm."
            )

    @property
    def at_once(self) -> int:
        return int(self.options.jobs)

    def together(self, count: int) -> int:
        return min(count, self.options.chunk or min(64, math.ceil(count / (4 * self.options.jobs))))

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        task = Task(function, arguments, keywords, Future())
        with self._changed:
            if self._closed:
                raise RuntimeError("The executor takes no more tasks after its shutdown.")
            self._tasks.append(task)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="invsound-slurm", daemon=True)
                self._thread.start()
        return task.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._changed:
            self._closed, self._left = True, self._left or not wait
            if cancel_futures:
                for task in self._tasks:
                    _end(task, InvsoundError("The job was lost, and is not asked for again."))
                self._tasks.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        try:
            while self._busy():
                self._begin()
                self._collect()
        except Exception as error:
            self._give_up(error if isinstance(error, InvsoundError) else InvsoundError(f"Jobs cannot be followed: {error!r}"))
        finally:
            self._leave()

    def _busy(self) -> bool:
        """After a while, in which tasks gather to an array, whether there is something to do."""
        with self._changed:
            self._changed.wait_for(lambda: self._tasks or self._jobs or self._closed)
            self._changed.wait_for(lambda: self._left, timeout=self.options.poll)
            return bool(self._tasks or self._jobs) and not self._left

    def _begin(self) -> None:
        room = min(self.options.jobs - len(self._jobs), self.options.array)
        tasks = []
        with self._changed:
            while self._tasks and len(tasks) < room:
                task = self._tasks.popleft()
                if task.begun or task.future.set_running_or_notify_cancel():
                    task.begun += 1
                    tasks.append(task)
        if tasks:
            if self._cluster is None:
                from .cluster import Cluster

                self._cluster = Cluster(self.options)
            try:
                jobs = self._cluster.submit([(task.function, task.arguments, task.keywords) for task in tasks])
            except BaseException:
                self._tasks.extendleft(tasks)
                raise
            self._jobs |= dict(zip(jobs, tasks, strict=True))

    def _collect(self) -> None:
        if self._cluster is None:
            return
        for job in self._cluster.ended(self._jobs):
            task = self._jobs.pop(job)
            try:
                outcome = self._cluster.outcome(job)
            except Exception as error:
                self._failed = True
                task.future.set_exception(error)
                continue
            if outcome is None:
                self._lost(job, task)
            elif outcome[0]:
                task.future.set_result(outcome[1])
            else:
                task.future.set_exception(outcome[1])

    def _lost(self, job: Any, task: Task) -> None:
        assert self._cluster is not None
        said = self._cluster.said(job)
        if task.begun < self.options.tries:
            log.warning("Job %s ended without a result (%s): its task is asked for again.", job.job_id, said)
            with self._changed:
                self._tasks.appendleft(task)
            return
        self._failed = True
        times = f"{task.begun} times, the last" if task.begun > 1 else "once,"
        task.future.set_exception(
            InvsoundError(f"A job ended without a result {times} as {job.job_id}: {said}. Its log: {job.paths.stderr}. {ADVICE}")
        )

    def _give_up(self, error: InvsoundError) -> None:
        with self._changed:
            self._closed = self._failed = True
            for task in [*self._tasks, *self._jobs.values()]:
                _end(task, error)
            self._tasks.clear()

    def _leave(self) -> None:
        """Cancel what is queued, say what runs on, and remove the folder unless somebody needs it."""
        if self._cluster is None:
            return
        running = self._cluster.leave(self._jobs)
        for job, task in self._jobs.items():
            _end(task, InvsoundError(f"Job {job.job_id} was cancelled, or goes on without this command."))
        self._jobs.clear()
        if running:
            log.warning(
                "Still running in SLURM: %s. What they compute is kept; scancel %s ends them.",
                ", ".join(running), " ".join(running),
            )  # fmt: skip
        if not running and not self._failed:
            shutil.rmtree(self._cluster.folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # other commands have folders in it
                self._cluster.folder.parent.rmdir()


def _end(task: Task, error: InvsoundError) -> None:
    """Cancel a task, or, where it was begun, say why it has no result."""
    if not task.future.cancel() and not task.future.done():
        task.future.set_exception(error)
