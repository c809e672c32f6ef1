"""How well a sound determines each parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ..feature import Feature
from ..problem import Problem
from ..space import Space
from ..system.shared import forward_mode
from .search import Free
from .survey import Evolution, Survey

GROUPS = 20  # of the jackknife
PRECISION = 1e-5  # of S in float32, relative: no residual is known to be smaller
ABOUT = 4 / 3  # of the distance found: what is no farther might as well have been found
DETERMINED = 0.2  # standard error in ν, whose range is 2, below which a parameter is determined


def standard_errors(J: Tensor, residual: Tensor, scale: float) -> Tensor:
    """Standard errors [F] in ν at a minimum of ‖S(ν) − target‖, from J [D, F] and the residual [D]; `scale` is ‖target‖.

    The larger of two: √diag((JᵀJ)⁻¹ s²) with s² = ‖r‖²/(D − F), as if the coefficients of Φ erred independently; and the jackknife that
    leaves out a twentieth of Φ at a time (contiguous coefficients) and takes one Gauss–Newton step, which sees that neighbours err
    together (Efron & Tibshirani, "An introduction to the bootstrap", 1993, chapter 11). Directions that J does not see get very large ones,
    and none is below the rounding of ν in float32.
    """
    J, r = J.double(), residual.double()
    D, F = J.shape
    variance = max(float(r.square().sum()), (PRECISION * scale) ** 2) / max(D - F, 1)
    inverse = _inverse(J)
    independent = inverse.diagonal() * variance
    steps = []
    for group in torch.arange(D, device=J.device).chunk(min(GROUPS, D)):
        rest = torch.ones(D, dtype=torch.bool, device=J.device)
        rest[group] = False
        steps.append(-_inverse(J[rest]) @ (J[rest].mT @ r[rest]))
    moved = torch.stack(steps)
    together = (len(moved) - 1) / len(moved) * (moved - moved.mean(0)).square().sum(0)
    errors: Tensor = torch.maximum(independent, together).sqrt().clamp_min(torch.finfo(torch.float32).eps)
    return errors


def misfit_errors(J: Tensor, residual: Tensor) -> Tensor:
    """How far each parameter [F] may be off in ν where the model cannot follow the sound: √diag((JᵀJ)⁻¹) ‖r‖, from J [D, F] and r [D].

    What a model misses is no noise that averages out over D coefficients. A part of it lies along J, where parameters took it up and none
    shows; it is supposed to be as large as the part that shows, r, which is at right angles to J, and to move the one parameter in
    question as far as it can. The sandwich estimator (White, Econometrica 50, 1982) knows the part that shows alone.
    """
    errors: Tensor = (_inverse(J.double()).diagonal().sqrt() * residual.double().norm()).clamp_min(torch.finfo(torch.float32).eps)
    return errors


def precise(problem: Problem, nu: Tensor) -> Tensor:
    """ν as J is to be computed at for errors: in float64 where it is differentiated.

    In float32 rounding is a derivative, of one in 10⁶ to 10⁵ of the largest, and what a sound does not depend on, such as the scale of all
    of a string's coefficients, would be determined by it.
    """
    return nu.double() if problem.forward_mode else nu


def about_as_near(u: Tensor, distances: Tensor, at: Tensor, distance: float) -> Tensor:
    """How far from `at` [F], in each coordinate, the points u [n, F] reach whose distances [n] are at most a third above `distance`.

    A model that misfits has many a minimum about as good as its best, of which derivatives at one know nothing.
    """
    near = u[distances <= ABOUT * distance]
    return (near - at.to(u)).abs().amax(0) if len(near) else torch.zeros_like(at, dtype=u.dtype)


def errors(free: Free, J: Tensor, residual: Tensor, scale: float, survey: Survey | Evolution | None, u: Tensor) -> Tensor:
    """Standard errors in ν of the free parameters [n], of numbers as if their options were known, and none of choices.

    J is [D, F], `scale` ‖target‖. Where the sound was not found, of a `survey`, also of the misfit, of a model that trusts no fine
    structure, and of what is about as near to the target as u [F].
    """
    found = torch.full(free.numbers.shape, torch.nan, dtype=torch.float64, device=J.device)
    if free.numbers.any():
        found[free.numbers] = standard_errors(J[:, free.numbers], residual, scale)
        if survey is not None:
            found[free.numbers] = torch.maximum(found[free.numbers], misfit_errors(J[:, free.numbers], residual))
            if (model := survey.model(u)) is not None:
                found = torch.maximum(found, standard_errors(model, residual, scale))
            found = torch.maximum(found, about_as_near(survey.u, survey.distances, u, float(residual.norm())))
    return free.each(found, torch.nan)


def _inverse(J: Tensor) -> Tensor:
    """(JᵀJ)⁻¹ from the singular values of J, those that vanish taken as tiny."""
    _, s, Vh = torch.linalg.svd(J, full_matrices=False)
    s = s.clamp(min=max(1e-9 * float(s[0]), 1e-30))
    inverse: Tensor = (Vh.mT / s**2) @ Vh
    return inverse


def in_units(space: Space, nu: Tensor, errors: Mapping[str, float]) -> dict[str, float | None]:
    """Standard errors in the units of θ, dθ/dν times those in ν, no larger than the range; None where there is none, or it is NaN:

    for a choice, a parameter that is held, or at the end of its range, where the sound moves it one way only, and for a sound that was
    not found.
    """
    ones = torch.ones_like(nu.double())
    with forward_mode:
        slope = torch.func.jvp(space.continuous.to_theta, (nu.double(),), (ones,))[1].abs().tolist()
    known = {name: error for name, error in errors.items() if math.isfinite(error)}
    return {p.name: min(known[p.name] * s, p.high - p.low) if p.name in known else None for p, s in zip(space, slope, strict=True)}


class Waveform(Feature):
    """Φ(x) = x: what noise that is white disturbs least."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def waveform_jacobian(problem: Problem, nu: Tensor, free: Free) -> Tensor:
    """∂x̂/∂ν [N, …] along the free numbers, at ν [W]."""
    waveform = Problem(problem.synth, Waveform(problem.synth.signal, None), problem.options, problem.space, problem.window)
    return waveform.jacobian(precise(problem, nu[None]), options=False)[0][:, free.mask][:, free.numbers]


@torch.no_grad()
def waveform_errors(problem: Problem, nu: Tensor, free: Free, x: Tensor) -> Tensor:
    """Standard errors in ν of the free parameters [n] of a least-squares fit of g(ν) to x [N], whose gain and onset were fitted too;
    none of choices."""
    x_hat = problem.render(nu[None])[0]
    J = waveform_jacobian(problem, nu, free)
    omega = 2 * torch.pi * torch.arange(len(x) // 2 + 1, device=x.device) / len(x)
    slope = torch.fft.irfft(1j * omega * torch.fft.rfft(x_hat), len(x))
    nuisances = torch.stack([x_hat, slope], 1)
    errors = torch.full(free.numbers.shape, torch.nan, dtype=torch.float64, device=J.device)
    errors[free.numbers] = standard_errors(torch.cat([J, nuisances], 1), x - x_hat, float(x.norm()))[: J.shape[1]]
    return free.each(errors, torch.nan)
