"""Laws of synthesizers: the space is usable, the sound has its length, and is finite everywhere in the space."""

from __future__ import annotations

import itertools
import re

import torch
from torch import Tensor

from ..jacobian import moved
from ..problem import said
from ..signal import Signal
from ..space import Space
from .gradients import need_derivatives
from .law import hold, law, skip
from .subject import DTYPES, Subject, bad_row, noise


@law("synth", first=True, mend="set self.space and self.signal in the constructor; a name is a Python identifier, no unit is ''.")
def space_and_signal_are_stated(subject: Subject) -> None:
    """A synthesizer states its parameters, by names usable on the command line and with units, and its signal."""
    synth = subject.instance
    hold(isinstance(getattr(synth, "space", None), Space), f"space is {getattr(synth, 'space', None)!r}, no invsound.Space")
    hold(isinstance(getattr(synth, "signal", None), Signal), f"signal is {getattr(synth, 'signal', None)!r}, no invsound.Signal")
    hold(len(synth.space) > 0, "The space has no parameter")
    unusable = [p.name for p in synth.space if not re.fullmatch(r"[A-Za-z_]\w*", p.name) or p.name == "synth"]
    hold(not unusable, f"Not usable as name=value: {', '.join(map(repr, unusable))}")
    unitless = [p.name for p in synth.space if not isinstance(p.unit, str) or p.unit != p.unit.strip()]
    hold(not unitless, f"The unit is no text: {', '.join(unitless)}")


@law("synth", mend="return exactly signal.num_samples samples per row: [B, P] → [B, N].")
def sound_has_its_length(subject: Subject) -> None:
    """θ [B, P] gives audio [B, N] with N = signal.num_samples."""
    for count in (1, 3):
        shape, N = list(subject.instance(subject.rows(count)).shape), subject.instance.signal.num_samples
        hold(shape == [count, N], f"On {count} rows of {len(subject.instance.space)} parameters it returned {shape}, not {[count, N]}")


def edges(space: Space) -> Tensor:
    """ν of up to 64 corners of the space, the first and the last among them, and of each parameter's ends or options, the others at 0."""
    P = len(space)
    if P <= 6:
        corners = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=P)), dtype=torch.float64)
    else:
        signs = torch.rand(62, P, generator=torch.Generator().manual_seed(0), dtype=torch.float64).sub(0.5).sign()
        corners = torch.cat([-torch.ones(1, P, dtype=torch.float64), signs, torch.ones(1, P, dtype=torch.float64)])
    ends = torch.eye(P, dtype=torch.float64)
    places = torch.cat([corners, ends, -ends])
    if not space.discrete:
        return places
    middle = space.at(torch.full((1, P), 0.5, dtype=torch.float64))
    return torch.cat([space.at((places + 1) / 2), *(row for index in space.choices for row in moved(space, index, middle, 0))])


@law("synth", mend="guard divisions, logarithms and exponents there (clamp before, not after), or narrow the bounds in the space.")
def finite_everywhere_in_its_bounds(subject: Subject) -> None:
    """The sound is finite at every corner and edge of the space, in float32 and float64."""
    space = subject.instance.space
    for dtype in DTYPES:
        theta = space.to_theta(edges(space)).to(dtype)
        row = bad_row(subject.instance(theta))
        hold(row is None, f"In {dtype} there is a NaN or an infinity at {'' if row is None else said(space, space.to_nu(theta[row]))}")


@law("synth", mend="torch.where differentiates both branches: mask their inputs, not their outputs; keep √ and log away from 0.")
def derivatives_are_finite_in_its_bounds(subject: Subject) -> None:
    """Derivatives of the sound, in both modes, are finite at every corner and edge of the space, in float32 and float64."""
    need_derivatives(subject)
    synth, space = subject.instance, subject.instance.space
    for dtype in DTYPES:
        nu = edges(space).to(dtype)
        ways = {"reverse": reverse_derivative(lambda rows: synth(space.to_theta(rows)), nu)}
        ways["forward"] = torch.func.jvp(lambda rows: synth(space.to_theta(rows)), (nu,), (torch.ones_like(nu),))[1]
        for mode, derivative in ways.items():
            row = bad_row(derivative)
            where = "" if row is None else said(space, nu[row])
            hold(row is None, f"In {dtype} and {mode} mode there is a NaN or an infinity at {where}")


def reverse_derivative(f, rows: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
    """The gradient of a random projection of f, row by row."""
    rows = rows.clone().requires_grad_()
    out = f(rows)
    return torch.autograd.grad((out * noise(*out.shape, seed=5).to(out)).sum(), rows)[0]


@law("synth", mend="return candidates ν [K, W] in [−1, 1], or x.new_empty(0, self.space.width) if the synth has none.")
def guess_is_candidates(subject: Subject) -> None:
    """guess(x) is a list of finite candidates ν [K, W], K may be 0, for its own sound, the first half of it, and silence."""
    synth, N = subject.instance, subject.instance.signal.num_samples
    with torch.no_grad():
        x = synth(subject.rows(1, torch.float32))[0]
    sounds = {"its own sound": x, "the first half of it": x[: N // 2], "silence": torch.zeros(N)}
    for name, x in sounds.items():
        nu = synth.guess(x)
        hold(nu.ndim == 2 and nu.shape[1] == synth.space.width, f"On {name} it returned {list(nu.shape)}")
        hold(nu.isfinite().all() and (nu.abs() <= 1).all(), f"On {name} it returned ν out of [−1, 1]")


@law("synth", mend="let preset_suffix be such as '.syx', and preset_file write all values and fit the name; or leave both out.")
def preset_is_a_file(subject: Subject) -> None:
    """Where there is a preset_suffix, preset_file gives bytes under any name: the same for the same values, others for others."""
    synth = subject.instance
    if not synth.preset_suffix:
        skip("it has no presets of its own")
    hold(re.fullmatch(r"(\.\w+)+", synth.preset_suffix), f"preset_suffix is {synth.preset_suffix!r}")
    one, other = (synth.space.named(row) for row in subject.rows(2))
    files = [synth.preset_file(values, "Größe 1/2, of a long name\n") for values in (one, one, other)]
    hold(all(isinstance(file, bytes) and file for file in files), f"It returned {files[0]!r:.60}")
    hold(files[0] == files[1], "Of the same values it returned two different files")
    hold(files[0] != files[2], "Two random sounds have the same file")
