"""CMA-ES: a solver for one sound that needs no derivative."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_solvers() -> list[Part]:
    return [Part("cma", "invsound_cma.solver:CMAES", "CMA-ES with restarts, needs no derivative")]
