"""SLURM: an executor whose tasks are jobs of a cluster."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_executors() -> list[Part]:
    return [Part("slurm", "invsound_slurm.executor:Slurm", "jobs of a SLURM cluster, through submitit")]
