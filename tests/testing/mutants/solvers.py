"""Mutants: solvers."""

import random

import torch

from invsound import Solution, Solver

from .common import Options, breaks


class GoodSolver(Solver):
    """Damped Gauss–Newton from the nearest start, stepping back where it does not help."""

    Options = Options

    def solve(self, forward, target, nu0, stop=lambda: False):
        distances = (forward(nu0) - target).detach().norm(dim=1)
        best, nu = float(distances.min()), nu0[distances.argmin()].detach().clone()
        history, converged = [(len(nu0), best)], False
        for k in range(30):
            if stop() or converged:
                break
            J, r = forward.jacobian(nu[None])[0], (forward(nu[None])[0] - target).detach()
            step = -torch.linalg.solve(J.mT @ J + 1e-2 * torch.eye(len(nu), dtype=nu.dtype), J.mT @ r)
            trial = self.bounded(nu + step)
            distance = float((forward(trial[None])[0] - target).detach().norm())
            converged = bool((trial - nu).abs().max() < 1e-6)
            nu, best = (trial, distance) if distance < best else (nu, best)
            history.append((len(nu0) + 2 * k + 2, best))
        return Solution(nu, best, converged, "Converged." if converged else "Not converged.", history)

    def bounded(self, nu):
        return nu.clamp(-1, 1)


@breaks("solver", "solves linear least squares")
class Lazy(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        return super().solve(forward, target, nu0, lambda: True)


@breaks("solver", "distance is of the solution")
class Squared(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        found = super().solve(forward, target, nu0, stop)
        return Solution(nu0[0], 0.0, found.converged, found.advice, found.history)


@breaks("solver", "bounds are respected")
class Escaping(GoodSolver):
    def bounded(self, nu):
        return nu


@breaks("solver", "failing is a solution")
class Raising(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        found = super().solve(forward, target, nu0, stop)
        if not found.converged or found.distance > 1:
            raise RuntimeError("did not converge")
        return found


@breaks("solver", "stop is honoured")
class Deaf(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        for _ in range(100):
            forward(nu0)
        return super().solve(forward, target, nu0)


@breaks("solver", "starts are left alone")
class Overwriter(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        found = super().solve(forward, target, nu0, stop)
        nu0.zero_()
        return found


@breaks("solver", "history goes down")
class Zigzag(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        found = super().solve(forward, target, nu0, stop)
        return Solution(found.nu, found.distance, found.converged, found.advice, [(1, 1.0), (2, 3.0)])


@breaks("solver", "needs gradient is declared")
class SecretGradient(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        nu = nu0.clone().requires_grad_()
        torch.autograd.grad(forward(nu).sum(), nu)
        return super().solve(forward, target, nu0, stop)


@breaks("solver", "solver is deterministic")
class Wandering(GoodSolver):
    def solve(self, forward, target, nu0, stop=lambda: False):
        found = super().solve(forward, target, nu0, stop)
        return Solution(found.nu + 1e-4 * random.random(), found.distance, found.converged, found.advice, found.history)
