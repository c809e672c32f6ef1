"""What is said of a match, in a sentence or two."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from ..parameter import Choice, Parameter
from ..score import FOUND, MISSED
from .match import Match
from .search import Free
from .target import Target, nearest


def of_features(share: float, unknown: list[str], at_bound: list[str], unmoved: str, solver: str) -> str:
    """Of a sound at `share` of the distance between random sounds, which the solver's advice comes with.

    `unmoved` is what there is to say of derivatives that are zero, beside which the solver's opinion is worth nothing.
    """
    solver = unmoved or solver
    if share >= MISSED:
        return (
            f"Not determined: the nearest sound found is {share:.0%} as far from it as a random sound. This synthesizer may not reach "
            f"the sound; or try more --candidates, or a larger --budget. {solver}{_at(at_bound)}"
        )
    if share >= FOUND:
        return (
            f"The nearest sound found is {share:.0%} as far from it as a random sound: it is like it, and not it, and standard errors "
            f"allow for what it cannot follow. {solver}{_of(unknown)}{_at(at_bound)}"
        )
    return f"Found.{_of(unknown)}{_at(at_bound)}"


def cut_short(share: float) -> str:
    """Of the nearest sound of a search that was interrupted."""
    return f"Interrupted: the nearest sound until then is {share:.0%} as far as a random sound; nothing is known of its errors."


def of_waveform(share: float, correlation: float, unknown: list[str], at_bound: list[str]) -> str:
    """Of a sound whose waveform explains the recording, though it is far away in the representation."""
    return (
        f"Found in the waveform, which correlates {abs(correlation):.3f}; the rest of the recording, such as noise, puts it "
        f"{share:.0%} as far as a random sound, and no fit in the representation comes to half of that.{_of(unknown)}{_at(at_bound)}"
    )


def bound(p: Parameter | Choice, high: bool) -> str:
    """`"tau (at its least, 0.01 s)"`."""
    return f"{p.name} (at its {'most' if high else 'least'}, {f'{p.high if high else p.low:.4g} {p.unit}'.rstrip()})"


def bounds(free: Free, u: Tensor) -> list[str]:
    """The free parameters that are at an end of their range at u [F], and which it is."""
    ends = zip(free.parts, free.each(u).tolist(), free.at_bound(u).tolist(), strict=True)
    return [bound(p, value > 0) for p, value, there in ends if there]


def of_yardstick(name: str, distance: float, other: float) -> str:
    """Of a match at `distance`, beside the nearest other recording."""
    said = "nearer than" if distance < other else "no nearer than"
    return f" It is {said} the nearest other recording, {name}: {distance:.3g}, and {other:.3g}."


def beside(found: Match, folder: str | None, target: Target) -> Match:
    """The match, with the nearest recording in the folder, if there is one."""
    if not folder or (other := nearest(folder, target, found.random_distance)) is None:
        return found
    said = of_yardstick(other[0], found.distance, other[1])
    return replace(found, advice=found.advice + said, yardstick={"name": other[0], "distance": other[1]})


def beside_own(found: Match, own: float | None) -> Match:
    """The match, with what the same search leaves of sounds of the synth's own."""
    if own is None:
        return found
    share = found.distance / found.random_distance
    said = f" Of the synth's own sounds the same search leaves {own:.1%} of a random sound's distance (median), of this one {share:.1%}."
    return replace(found, advice=found.advice + said, own=own)


def _of(unknown: list[str]) -> str:
    return f" Not determined by this sound: {', '.join(unknown)}." if unknown else ""


def _at(names: list[str]) -> str:
    return f" At the end of its range, so that the best may lie beyond: {', '.join(names)}." if names else ""
