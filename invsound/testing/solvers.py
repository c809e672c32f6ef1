"""Laws of solvers for a single sound, on a linear least-squares problem of three unknowns."""

from __future__ import annotations

import itertools
from typing import Any

import torch

from ..solver import Solution
from . import toys
from .law import hold, law
from .subject import DTYPES, Subject, inside

TRUTH = torch.tensor([0.4, -0.3, 0.2], dtype=torch.float64)
STARTS = inside(3, 3, seed=1)


def solved(subject: Subject, forward: Any = None, nu: torch.Tensor = TRUTH, dtype: torch.dtype = torch.float64, **more: Any) -> Solution:
    """The solution for the target S(nu)."""
    target = (nu.to(dtype) @ toys.Linear.A.to(dtype).mT).contiguous()
    found = subject.instance.solve(forward or toys.Linear(), target, STARTS.to(dtype), **more)
    hold(isinstance(found, Solution), f"solve returned {found!r}, no invsound.Solution")
    hold(list(found.nu.shape) == [3] and found.nu.dtype == dtype, f"For 3 {dtype} unknowns nu is {found.nu.dtype} {list(found.nu.shape)}")
    return found  # type: ignore[no-any-return]


def distance(nu: torch.Tensor, truth: torch.Tensor) -> float:
    """‖S(ν) − S(truth)‖ of the linear problem."""
    return float(((nu.double() - truth) @ toys.Linear.A.mT).norm())


@law("solver", mend="check the sign of the step and the default number of steps.")
def solves_linear_least_squares(subject: Subject) -> None:
    """S(ν) = Aν with the target in reach: ν is found within 0.05, from three starts, in float32 and float64."""
    for dtype in DTYPES:
        found = solved(subject, dtype=dtype)
        worst = float((found.nu.double() - TRUTH).abs().max())
        hold(worst < 0.05, f"In {dtype} it is {worst:.2g} off")


@law("solver", mend="return the distance ‖S(ν) − target‖₂ at the ν returned, the best that was seen.")
def distance_is_of_the_solution(subject: Subject) -> None:
    """`distance` is ‖S(ν) − target‖₂ at `nu`, no larger than at any start."""
    found = solved(subject)
    said, measured = float(found.distance), distance(found.nu, TRUTH)
    hold(abs(said - measured) < 1e-6 + 1e-3 * measured, f"On Aν it says {said:.4g}, measured {measured:.4g}")
    best = min(distance(start, TRUTH) for start in STARTS)
    hold(said <= best * (1 + 1e-9), f"On Aν it ended at {said:.4g}, farther than the nearest start, {best:.4g}")


@law("solver", mend="clamp ν to [−1, 1] after every step, before S is evaluated there.")
def bounds_are_respected(subject: Subject) -> None:
    """The solution lies in [−1, 1]^P, also where the best point lies outside, and S is asked nowhere else."""

    class Fenced(toys.Linear):
        worst = 0.0

        def __call__(self, nu: torch.Tensor) -> torch.Tensor:
            self.worst = max(self.worst, float(nu.detach().abs().max()))
            return super().__call__(nu)

    forward = Fenced()
    found = solved(subject, forward, nu=torch.tensor([3.0, -2.0, 0.0], dtype=torch.float64))
    hold((found.nu.abs() <= 1).all(), f"With the best ν at (3, −2, 0) it returned {found.nu.tolist()}")
    hold(forward.worst <= 1 + 1e-9, f"With the best ν at (3, −2, 0) it asked for S at |ν| = {forward.worst:.3g}")


@law("solver", mend="return the best Solution so far with converged=False and advice, whatever happened.")
def failing_is_a_solution(subject: Subject) -> None:
    """Where nothing can be descended, a step function out of reach, it returns a Solution with advice, and raises nothing."""
    found = subject.instance.solve(toys.Rough(), torch.full((3,), 5.0, dtype=torch.float64), STARTS.clone())
    hold(isinstance(found, Solution) and found.advice.strip(), f"On a step function it returned {found!r}")
    hold(found.nu.isfinite().all() and (found.nu.abs() <= 1).all(), f"On a step function ν is {found.nu.tolist()}")


@law("solver", mend="call stop() at every step, and return what there is once it is true.")
def stop_is_honoured(subject: Subject) -> None:
    """Once stop() is true, it ends within a few evaluations, and has not converged."""
    forward = toys.Linear()
    found = solved(subject, forward, stop=lambda: True)
    limit = 20 * len(STARTS)
    hold(forward.rows <= limit, f"With stop() true from the start it evaluated {forward.rows} rows; {limit} would do for 3 starts")
    hold(not found.converged, "With stop() true from the start it says that it converged")


@law("solver", mend="work on copies: nu = nu0.detach().clone().")
def starts_are_left_alone(subject: Subject) -> None:
    """The starts and the target are not modified."""
    starts, target = STARTS.clone(), TRUTH @ toys.Linear.A.mT
    kept = target.clone()
    subject.instance.solve(toys.Linear(), target, starts)
    hold(torch.equal(starts, STARTS), "The starts had changed after solving Aν")
    hold(torch.equal(target, kept), "The target had changed after solving Aν")


@law("solver", mend="append (evaluations so far, best distance so far).")
def history_goes_down(subject: Subject) -> None:
    """`history` is the best distance so far against the number of evaluations: the first falls, the second grows."""
    history = solved(subject).history
    evaluations, distances = [e for e, _ in history], [d for _, d in history]
    hold(evaluations == sorted(evaluations), f"On Aν the evaluations are {evaluations[:5]} …")
    hold(all(b <= a * (1 + 1e-12) for a, b in itertools.pairwise(distances)), f"On Aν the distances are {distances[:5]} …")


@law("solver", mend="set needs_gradient = True, so that a synth that cannot be differentiated is refused in words.")
def needs_gradient_is_declared(subject: Subject) -> None:
    """A solver with needs_gradient = False needs no reverse mode: S(ν) may come without a graph."""
    if subject.cls.needs_gradient:
        return
    found = solved(subject, toys.Linear(sealed=True))
    hold(distance(found.nu, TRUTH) < 0.2, f"On Aν without a graph it ended {distance(found.nu, TRUTH):.3g} from the target")


@law("solver", mend="draw randomness from a torch.Generator seeded by an option.")
def solver_is_deterministic(subject: Subject) -> None:
    """The same problem and starts give the same solution."""
    one, other = solved(subject), solved(subject)
    hold(torch.equal(one.nu, other.nu), f"On Aν it returned {one.nu.tolist()}, then {other.nu.tolist()}")
