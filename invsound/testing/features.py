"""Laws of representations and scores: their shape, and that they are finite on the sounds that break logarithms and roots."""

from __future__ import annotations

import torch
from torch import Tensor

from .law import hold, law
from .subject import DTYPES, Subject, apart, bad_row, noise
from .synths import reverse_derivative


def edge_sounds(N: int, dtype: torch.dtype) -> tuple[list[str], Tensor]:
    """Silence, an impulse, a constant and an alternation at full scale, loud noise, and a sound too faint to square."""
    impulse = torch.zeros(N, dtype=torch.float64)
    impulse[N // 3] = 1
    sounds = {
        "silence": torch.zeros(N, dtype=torch.float64),
        "an impulse": impulse,
        "a constant at full scale": torch.ones(N, dtype=torch.float64),
        "an alternation at full scale": torch.ones(N, dtype=torch.float64) - 2 * (torch.arange(N) % 2),
        "noise at full scale": noise(N, seed=4).sign(),
        "noise at 1e-25": 1e-25 * noise(N, seed=4),
    }
    return list(sounds), torch.stack(list(sounds.values())).to(dtype)


@law("feature", mend="flatten all but the first axis: S.flatten(1).")
def representation_is_a_row(subject: Subject) -> None:
    """Audio [B, N] gives S [B, D], with D ≥ 1 whatever the sound."""
    sizes = {tuple(subject.instance(subject.rows(count, seed=seed)).shape[1:]) for count in (1, 3) for seed in (0, 1)}
    hold(len(sizes) == 1 and len(next(iter(sizes))) == 1, f"On batches of 1 and 3 sounds, rows of shapes {sorted(sizes)}")
    hold(next(iter(sizes))[0] >= 1, "D is 0")


@law("feature", mend="path(x, k) is columns of forward(x), for k = 0 … num_paths − 1 in their order; num_paths is 1 where there are none.")
def paths_are_parts(subject: Subject) -> None:
    """Side by side, path(x, 0), path(x, 1), … are S, and so are their derivatives, in both modes."""
    feature, x = subject.instance, subject.rows(2)
    count = feature.num_paths
    hold(isinstance(count, int) and count >= 1, f"num_paths is {count!r}")

    def parts(x: Tensor) -> Tensor:
        return torch.cat([feature.path(x, k) for k in range(count)], 1)

    apart_by = apart(parts(x), feature(x))
    hold(apart_by < 1e-9, f"On 2 random sounds, its {count} paths and the whole differ by {apart_by:.1e}")
    reverse = apart(reverse_derivative(parts, x), reverse_derivative(feature, x))
    forward = apart(*(torch.func.jvp(f, (x,), (noise(*x.shape, seed=6),))[1] for f in (parts, feature)))
    hold(max(reverse, forward) < 1e-9, f"On 2 random sounds, their derivatives differ by {max(reverse, forward):.1e}")


@law("feature", "encoder", mend="guard logarithms and divisions: log(ε + S), S / (ε + ‖S‖).")
def finite_on_edge_sounds(subject: Subject) -> None:
    """Silence, an impulse, full scale and hardly a sound give finite numbers, in float32 and float64."""
    for dtype in DTYPES:
        names, x = edge_sounds(subject.signal.num_samples, dtype)
        row = bad_row(subject.rows_map(subject.instance)(x))
        hold(row is None, f"In {dtype} there is a NaN or an infinity on {names[row or 0]}")


@law("feature", mend="√ and |·| of 0 have no derivative: take torch.abs of a complex tensor, or √(ε + S); mask the inputs of torch.where.")
def derivatives_are_finite_on_edge_sounds(subject: Subject) -> None:
    """Derivatives in both modes are finite on silence, an impulse, full scale and hardly a sound, in float32 and float64."""
    for dtype in DTYPES:
        names, x = edge_sounds(subject.signal.num_samples, dtype)
        tangent = torch.func.jvp(subject.instance, (x,), (noise(*x.shape, seed=6).to(dtype),))[1]
        for mode, derivative in {"reverse": reverse_derivative(subject.instance, x), "forward": tangent}.items():
            row = bad_row(derivative)
            hold(row is None, f"In {dtype} and {mode} mode there is a NaN or an infinity on {names[row or 0]}")


@law("score", mend="a score is a distance: reduce each row's difference to one number.")
def score_is_a_distance_per_row(subject: Subject) -> None:
    """A score of two batches of sounds [B, N] is [B], zero between equals and positive between others."""
    x = subject.rows(3, torch.float32)[:, : subject.signal.num_samples]
    value = subject.instance(x, x.flip(0).roll(1, 0))
    hold(list(value.shape) == [3], f"On 3 pairs of sounds it returned {list(value.shape)}")
    fading = x.flip(0).roll(1, 0) * torch.linspace(0.1, 0, x.shape[1])  # level alone is nothing to many a score
    same, other = subject.instance(x, x), subject.instance(x, fading)
    hold((other > 0).all(), f"Between noise and other noise that fades from 20 dB lower it is {other.tolist()}")
    hold((same.abs() <= 1e-3 * other).all(), f"Between three sounds and themselves it is {same.tolist()}")


@law("score", mend="guard logarithms and divisions by a floor, and do not leave out NaNs.")
def score_is_finite_on_edge_sounds(subject: Subject) -> None:
    """A score is finite between any two of silence, an impulse, full scale and hardly a sound, in float32 and float64."""
    for dtype in DTYPES:
        names, x = edge_sounds(subject.signal.num_samples, dtype)
        for shift in range(len(names)):
            row = bad_row(subject.instance(x, x.roll(shift, 0)))
            pair = "" if row is None else f"{names[row]} and {names[row - shift]}"
            hold(row is None, f"In {dtype} there is a NaN or an infinity between {pair}")
