"""Where jobs are: submitted, looked for and cancelled. SLURM is asked by squeue, which every cluster has; sacct needs a data base."""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("SUBMITIT_LOG_LEVEL", "NOCONFIG")  # its messages go to stdout, which holds results
import submitit
from submitit.core.utils import FailedJobError

from invsound import InvsoundError

from .job import compute
from .options import SlurmOptions

logging.getLogger("submitit").setLevel(logging.ERROR)
Job = Any
GONE = 5
"""Looks at the queue without a job before it is given up: a shared disk may show its result late."""


class Cluster:
    """Jobs of one command, in a folder that only its user may read: submitit pickles what they are asked for and what they return."""

    def __init__(self, options: SlurmOptions) -> None:
        self.options = options
        base = Path(options.folder).expanduser().absolute()
        base.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="jobs-", dir=base))  # of mode 0700
        self.missed: dict[str, int] = {}
        if options.cluster == "slurm":
            self.submitit: submitit.Executor = submitit.SlurmExecutor(self.folder)
            self.submitit.update_parameters(**options.sbatch)
        else:
            self.submitit = submitit.LocalExecutor(self.folder)
            self.submitit.update_parameters(timeout_min=options.time)

    def submit(self, tasks: Sequence[tuple[Any, Any, Any]]) -> list[Job]:
        """A job of each task (function, arguments, keywords); several are one array. Raises InvsoundError if SLURM refuses."""
        try:
            return self.submitit.map_array(compute, *zip(*tasks, strict=True))
        except (FailedJobError, OSError, subprocess.SubprocessError) as error:
            why = str(error).strip().splitlines() or [type(error).__name__]
            raise InvsoundError(
                f"SLURM takes no job: {why[-1].rstrip('.')}. Look at executor.partition, executor.time, executor.memory and executor.extra."
            ) from error

    def ended(self, jobs: Iterable[Job]) -> list[Job]:
        """Those that have a result, or are gone without one."""
        jobs = list(jobs)
        if self.options.cluster == "local":
            return [job for job in jobs if job.done()]
        listed = self._states()
        os.listdir(self.folder)  # by which a network's disk notices new files
        for job in jobs:
            absent = listed is not None and job.job_id not in listed
            self.missed[job.job_id] = self.missed.get(job.job_id, 0) + 1 if absent else 0
        return [job for job in jobs if job.paths.result_pickle.exists() or self.missed[job.job_id] >= GONE]

    def _states(self) -> dict[str, str] | None:
        """job → its state, of this user's jobs that are queued or run; None where SLURM does not answer."""
        command = ["squeue", "--noheader", "--array", "--format=%i %T", f"--user={os.getuid()}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line) if done.returncode == 0 else None

    def outcome(self, job: Job) -> tuple[bool, Any] | None:
        """What `compute` returned; None if the job was lost. Raises InvsoundError if it could not begin."""
        if not job.paths.result_pickle.exists():
            return None
        try:
            return job.result()  # type: ignore[no-any-return]
        except FailedJobError as error:
            lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith(("-", "You can", "  -"))]
            raise InvsoundError(f"Job {job.job_id} could not compute its task: {lines[-1].strip()}. Its log: {job.paths.stderr}") from None

    def said(self, job: Job) -> str:
        """The last line of a job's log."""
        try:
            lines = job.paths.stderr.read_text(errors="replace").split("\n")
        except OSError:
            return "it left no log"
        return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")

    def leave(self, jobs: Iterable[Job]) -> list[str]:
        """Cancel what is queued; the jobs that run on."""
        jobs = list(jobs)
        if self.options.cluster == "local":
            for job in jobs:
                job.cancel()
            while not all(job.done() for job in jobs):
                time.sleep(0.01)
            return []
        ids = [job.job_id for job in jobs]
        if ids:
            subprocess.run(["scancel", "--state=PENDING", *ids], capture_output=True, check=False)
        listed = self._states()
        return [name for name in ids if listed is None or listed.get(name, "PENDING") != "PENDING"]
