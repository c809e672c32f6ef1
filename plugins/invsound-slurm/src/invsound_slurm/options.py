"""What may be asked of the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field

from invsound import check_bounds, option


@dataclass
class SlurmOptions:
    """SLURM.

    partition: where the jobs go; the cluster's default if null
    jobs: jobs that are queued or run at once, at most
    time: a job may take, minutes
    memory: of a job, GB; the cluster's default if null
    cpus: cores of a job; shards use one, a run of a sweep all
    chunk: shards of a job; if null, as many as give every job of `jobs` four turns, at most 64
    array: jobs that are submitted as one array, at most
    tries: how often a task is begun whose job is lost, preempted or out of time
    folder: where the jobs' files are, on a disk that all machines share
    extra: more of sbatch's options, such as [account=mine, qos=long]
    setup: lines of shell that a job begins with, such as [module load ffmpeg]
    poll: looks at the queue are so far apart, seconds
    cluster: slurm, or local: processes of this machine, to try it out
    """

    partition: str | None = None
    jobs: int = option(100, low=1, high=100_000)
    time: int = option(60, low=1, high=100_000)
    memory: float | None = option(None, above=0, high=100_000)
    cpus: int = option(1, low=1, high=1024)
    chunk: int | None = option(None, low=1, high=100_000)
    array: int = option(1000, low=1, high=100_000)
    tries: int = option(3, low=1, high=100)
    folder: str = ".invsound-slurm"
    extra: list[str] = field(default_factory=list)
    setup: list[str] = field(default_factory=list)
    poll: float = option(2.0, low=0.01, high=600)
    cluster: str = option("slurm", choices=("slurm", "local"))

    def __post_init__(self) -> None:
        check_bounds(self)
        for text in self.extra:
            if not text.partition("=")[0].strip() or "\n" in text:
                raise ValueError(f"extra is a list of name=value, as sbatch has them without --, got {text!r}")

    @property
    def sbatch(self) -> dict[str, object]:
        """The parameters of submitit's SlurmExecutor."""
        given = {"partition": self.partition, "mem": None if self.memory is None else f"{max(1, round(1024 * self.memory))}M"}
        extra = {name.strip(): value.strip() if equals else True for name, equals, value in (text.partition("=") for text in self.extra)}
        return {name: value for name, value in given.items() if value is not None} | {
            "job_name": "invsound", "time": self.time, "cpus_per_task": self.cpus, "array_parallelism": self.jobs,
            "additional_parameters": {"requeue": True} | extra, "signal_delay_s": 1, "use_srun": False,
            "setup": ["export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}", *self.setup],
        }  # fmt: skip
