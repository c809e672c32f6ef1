"""Laws of reaction: what goes in makes a difference to what comes out, and the Jacobian sees it."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from ..jacobian import moved
from ..problem import Problem
from .law import hold, law
from .subject import Subject, noise

FAR = 0.25  # in ν: what moves by this much has a derivative on the way
ROWS = 4


class _Waveform(nn.Module):
    """S = x."""

    def forward(self, x: Tensor) -> Tensor:
        return x


@law("synth", mend="use every parameter of the space in the sound, or take it out of the space.")
def every_parameter_is_heard(subject: Subject) -> None:
    """Over the range of each parameter, the sound changes, whatever the others are."""
    space, nu = subject.instance.space, subject.nu(ROWS, seed=7)
    for p, block in zip(space, space.slices, strict=True):
        if p.options:
            continue
        ends = [_moved(nu, block, 1.8), _moved(nu, block, -1.8)]
        changed = (subject.instance(space.to_theta(ends[0])) != subject.instance(space.to_theta(ends[1]))).flatten(1).any(1)
        hold(changed.any(), f"In none of {ROWS} random sounds does {p.name} change anything")


@law("synth", mend="make every option sound, or take it out of the choice.")
def every_option_is_heard(subject: Subject) -> None:
    """No two options of a choice make the same sound, whatever the other parameters are."""
    space, nu = subject.instance.space, subject.nu(ROWS, seed=7)
    for index in space.choices:
        with torch.no_grad():
            sounds = [subject.instance(space.to_theta(rows)) for rows in moved(space, index, nu, 0)]
        for a, b in itertools.combinations(range(len(sounds)), 2):
            options = " and ".join(space[index].options[k] for k in (a, b))
            hold((sounds[a] != sounds[b]).any(), f"In none of {ROWS} random sounds do {options} differ, options of {space[index].name}")


@law(
    "synth",
    mend="rounding has no derivative: declare the step, Parameter(…, step=1), or the options, Choice(…), in the space; or let the sound "
    "follow the parameter between its steps.",
)
def the_jacobian_sees_what_moves(subject: Subject) -> None:
    """Where a quarter of a parameter's range changes the sound, its column of the Jacobian is not zero."""
    synth, nu = subject.instance, subject.nu(ROWS, seed=8)
    problem = Problem(synth, _Waveform())  # type: ignore[arg-type]
    still = problem.unmoved(problem.jacobian(nu))
    with torch.no_grad():
        x = problem(nu)
        for k, (p, block) in enumerate(zip(synth.space, synth.space.slices, strict=True)):
            if p.options:
                continue
            changed = (problem(_moved(nu, block, FAR)) != x).any(1) & (problem(_moved(nu, block, -FAR)) != x).any(1)
            count = int((changed & still[:, k]).sum())
            hold(count == 0, f"Along {p.name} it is zero in {count} of {ROWS} random sounds, in which a move by {FAR} of ν is heard")


@law("feature", "encoder", mend="something on the way drops the sound, or rounds it: compare what two sounds become, step by step.")
def sounds_make_a_difference(subject: Subject) -> None:
    """Two sounds are not the same to a representation or a front end, and a representation has a derivative that is not zero."""
    x = noise(2, subject.signal.num_samples, seed=9).float()
    with torch.no_grad():
        a, b = subject.rows_map(subject.instance)(x)
    hold((a != b).any(), "Two noises became the same row")
    if subject.kind == "feature":
        tangent = torch.func.jvp(subject.instance, (x.double(),), (noise(*x.shape, seed=10),))[1]
        hold(tangent.any(), "On two noises, along a random direction, the derivative is zero")


def _moved(nu: Tensor, block: slice, by: float) -> Tensor:
    """ν with a number moved by so much, within [−1, 1]."""
    moved = nu.clone()
    moved[:, block] = (nu[:, block] + by).clamp(-1, 1)
    return moved
