"""Laws of derivatives: both modes against central differences in float64, and vmap."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .law import hold, law, skip
from .subject import Subject, apart

STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
"""Half distances of the central differences. One that agrees is enough: too long meets curvature and kinks, too short rounding."""

TOLERANCE = 1e-3


def need_derivatives(subject: Subject) -> None:
    if subject.kind == "synth" and not subject.cls.differentiable:
        skip("it declares differentiable = False")
    if subject.kind == "synth" and len(subject.instance.space.discrete) == len(subject.instance.space):
        skip("it has choices and steps alone")


def central(f: Callable[[Tensor], Tensor], x: Tensor, v: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return [(f(x + h * v) - f(x - h * v)) / (2 * h) for h in STEPS]


def disagreement(claimed: Tensor, measured: list[Tensor], floor: float) -> float:
    """The worst row's ‖claimed − measured‖ / ‖measured‖ at the step that agrees best."""
    errors = []
    for difference in measured:
        scale = torch.maximum(claimed.norm(dim=1), difference.norm(dim=1)).clamp_min(max(floor, 1e-30))
        errors.append(float(((claimed - difference).norm(dim=1) / scale).nan_to_num(torch.inf).max()))
    return min(errors)


@law("synth", "feature", mend="no .item(), .detach(), float(), numpy or rounding on the way from input to output; check a custom backward.")
def reverse_mode_is_the_derivative(subject: Subject) -> None:
    """torch.autograd.grad agrees with central differences in float64."""
    need_derivatives(subject)
    f, x, directions = subject.smooth
    x = x.clone().requires_grad_()
    out = f(x)
    w = torch.randn(out.shape, generator=torch.Generator().manual_seed(3), dtype=out.dtype) / out.shape[1] ** 0.5
    gradient = torch.autograd.grad((w * out).sum(), x)[0]
    measured = {name: central(f, x.detach(), v) for name, v in directions}
    floor = 1e-6 * max(float(m[2].norm()) for m in measured.values())
    for name, v in directions:
        claimed, errors = (gradient * v).sum(1), []
        for difference in measured[name]:
            scale = difference.norm(dim=1).clamp_min(max(floor, 1e-30)) / out.shape[1] ** 0.5
            errors.append(float(((claimed - (w * difference).sum(1)).abs() / scale).nan_to_num(torch.inf).max()))
        hold(min(errors) < 10 * TOLERANCE, f"On 2 random rows, along {name}, they differ by {min(errors):.1e} of the derivative")


@law("synth", "feature", mend="use operations that torch.func.jvp knows: no in-place writes into results, a jvp for a custom Function.")
def forward_mode_is_the_derivative(subject: Subject) -> None:
    """torch.func.jvp agrees with central differences in float64."""
    need_derivatives(subject)
    f, x, directions = subject.smooth
    tangents = {name: torch.func.jvp(f, (x,), (v,))[1] for name, v in directions}
    floor = 1e-6 * max(float(tangent.norm()) for tangent in tangents.values())
    for name, v in directions:
        error = disagreement(tangents[name], central(f, x, v), floor)
        hold(error < TOLERANCE, f"On 2 random rows, along {name}, they differ by {error:.1e} of the derivative")


@law(
    "synth",
    "feature",
    mend="no branches on values (use torch.where), no .item(), no in-place writes; generate_vmap_rule for a custom Function.",
)
def works_under_vmap(subject: Subject) -> None:
    """torch.func.vmap over rows, and over directions of jvp, gives what a loop gives."""
    need_derivatives(subject)
    f, x, directions = subject.smooth
    difference = apart(torch.func.vmap(lambda row: f(row[None])[0], randomness="same")(x), f(x))
    hold(difference < 1e-9, f"On 2 random rows, vmap differs by {difference:.1e}")
    V = torch.stack([v for _, v in directions])

    def push(v: Tensor) -> Tensor:
        tangent: Tensor = torch.func.jvp(f, (x,), (v,))[1]
        return tangent

    with torch.no_grad():
        difference = apart(torch.func.vmap(push, randomness="same")(V), torch.stack([push(v) for v in V]))
    hold(difference < 1e-9, f"Over {len(V)} directions at 2 random rows, vmap of jvp differs by {difference:.1e}")
