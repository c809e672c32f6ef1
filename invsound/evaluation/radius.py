"""How far the linear model reaches: S(ν + δ) ≈ S(ν) + Jδ, parameter by parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..data import designs
from ..errors import UsageError
from ..hooks import options
from ..hooks.bounds import option, seed_option
from ..hooks.objects import short
from ..pages import card
from ..pages import radius as page
from ..problem import Problem, finite
from ..runs import config as configs
from ..runs import given
from ..runs.given import AnyFeature, AnySynth
from ..runs.parts import Parts
from ..system import device as devices
from ..system import progress
from ..system.claim import claimed
from ..system.executor import single_thread
from ..system.files import check_folder
from ..system.shared import alone
from ..table import Shown, Table

STEPS = [1e-5 * 10 ** (k / 3) for k in range(14)] + [0.3]
"""|δ|, in ν: three to a decade."""
TYPICAL = STEPS[10]
"""An error in ν, 0.02, as trained encoders make it."""


@dataclass
class RadiusOptions:
    """How many sounds are measured.

    sounds: random sounds that the median is taken over
    seed: seed of these sounds
    """

    sounds: int = option(8, low=1, high=100_000)
    seed: int = seed_option()


@dataclass(frozen=True, repr=False)
class Radius(Shown):
    """Per parameter, the median over sounds of ‖Jδ − ΔS‖ / ‖ΔS‖, ΔS = Φ(ν + δ) − Φ(ν), at each |δ| of `steps`.

    `radius` is the largest |δ| up to which it is below 50 %; None where it is not even at the smallest. `unmoved` is in how many of the
    sounds ∂S is zero. `slope` is the mean over sounds of ‖ΔS‖ / |δ| at |δ| = 0.02: how much the parameter is heard, and what it may
    weigh in a loss. Parameters that are choices, or have steps, have no δ as small as that and are left out.
    """

    synth: str
    feature: str
    sounds: int
    seed: int
    steps: list[float]
    errors: dict[str, list[float]]
    radius: dict[str, float | None]
    unmoved: dict[str, int]
    slope: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """What `invsound doctor radius --json` prints."""
        return asdict(self)

    def table(self) -> Table:
        """A row for each parameter."""
        errors = {f"error at {step:.0e}": [curve[k] for curve in self.errors.values()] for k, step in enumerate(self.steps)}
        of = f"{short(self.feature)} of {short(self.synth)}, {self.sounds} sounds"
        columns: dict[str, list[Any]] = {"parameter": list(self.radius), "radius": list(self.radius.values())}
        columns["slope"] = list(self.slope.values())
        return Table(f"Radius of {of}", columns | errors)

    def _repr_html_(self) -> str:
        return card.of_radius(self.as_dict())


def radius(
    synth: AnySynth | None = None, feature: AnyFeature | None = None, *,
    overrides: Sequence[str] = (), sounds: int = 8, seed: int = 0,
    device: str = "cpu", out: Path | str | None = None, quiet: bool = False,
) -> Radius:  # fmt: skip
    """Measure up to which error of each parameter a loss on J, such as a quadratic form of M = JᵀJ, knows what an error sounds like.

    Parts are named, or given as classes or objects, as in `run`.
    Each of `sounds` random sounds is moved along one parameter at a time, towards the middle of its range, in float64. Overrides are
    "synth.…", "feature.…" and "problem.…". With `out`, radius.json and radius.html are written there. Progress is shown
    on stderr, unless `quiet`. Raises UsageError for a wrong name, option or number of sounds, NonFiniteError for a NaN.
    """
    with progress.shown(quiet):
        return _checked_radius(synth, feature, overrides, sounds, seed, device, out)


@alone()
def _checked_radius(
    synth: Any, feature: Any, overrides: Sequence[str], sounds: int, seed: int, device: str, out: Path | str | None
) -> Radius:
    options.resolve(RadiusOptions, {"sounds": sounds, "seed": seed}, "radius")
    where = devices.choose(device)
    if out is None:
        return _radius(synth, feature, overrides, sounds, seed, where)
    check_folder(out)
    with claimed(out) as folder:
        result = _radius(synth, feature, overrides, sounds, seed, where)
        page.write(result.as_dict(), folder)
        return result


def _radius(synth: Any, feature: Any, overrides: Sequence[str], sounds: int, seed: int, where: str) -> Radius:
    ready = given.layer({"synth": synth, "feature": feature})
    synth, feature = (configs.chosen(kind, ready["parts"].get(kind)) for kind in ("synth", "feature"))
    ready["parts"] = {"synth": synth, "feature": feature}
    problem = _problem(ready, options.from_overrides(overrides)).to(where)
    smooth = [k for k, p in enumerate(problem.space) if not p.count]
    if not smooth:
        raise UsageError(f"The synth {synth!r} has choices and steps alone: of their changes J holds the whole, and there is no radius.")
    coordinates = [problem.space.slices[k].start for k in smooth]
    nu = designs.draw(problem.synth, "random", {"train": sounds}, seed)["train"].double().to(where)
    if problem.synth.nuisance:
        problem.synth.seed = seed
    with single_thread(), progress.bar("Measuring", sounds, "sounds") as advance:
        found, changes, still = [], [], []
        for row in nu:
            J = problem.jacobian(row[None])
            still.append(problem.unmoved(J))
            error, change = errors(problem, row, J[0], STEPS, coordinates)
            found.append(error)
            changes.append(change[:, STEPS.index(TYPICAL)] / TYPICAL)
            advance(1)
    if said := problem.warning(torch.cat(still)):
        progress.log.warning(said)
    median = torch.stack(found).quantile(0.5, dim=0).tolist()
    names = [problem.space.names[k] for k in smooth]
    return Radius(
        synth, feature, sounds, seed, STEPS, dict(zip(names, median, strict=True)),
        {name: reach(STEPS, error) for name, error in zip(names, median, strict=True)},
        dict(zip(names, torch.cat(still).sum(0)[smooth].tolist(), strict=True)),
        dict(zip(names, torch.stack(changes).mean(0).tolist(), strict=True)),
    )  # fmt: skip


def _problem(ready: dict[str, Any], asked: dict[str, Any]) -> Problem:
    if unknown := set(asked) - {"synth", "feature", "problem"}:
        raise UsageError(f"radius has no option {min(unknown)!r}. Available: synth.…, feature.…, problem.….")
    return Parts(configs.resolve(ready, asked)).problem


@torch.no_grad()
def errors(
    problem: Problem, nu: Tensor, J: Tensor, steps: Sequence[float], coordinates: Sequence[int] | None = None, chunk: int = 8
) -> tuple[Tensor, Tensor]:
    """‖Jδ − ΔS‖ / ‖ΔS‖ and ‖ΔS‖ [F, K] at one ν [W], J [D, W] there, for δ along each of some coordinates, or all, and of each length.

    The former is 1 where neither is other than zero: of a sound that does not change nothing is learned.
    """
    chosen = list(range(len(nu)) if coordinates is None else coordinates)
    delta = -torch.where(nu > 0, 1.0, -1.0).to(nu).diag()[chosen, None, :] * torch.tensor(steps).to(nu)[None, :, None]
    origin = problem(nu[None])
    moved = torch.cat([finite(problem(rows), "The problem") for rows in (nu + delta).flatten(0, 1).split(chunk)])
    change = (moved - origin).unflatten(0, delta.shape[:2])
    predicted = delta @ J.mT
    distance = change.norm(dim=2)
    error: Tensor = (predicted - change).norm(dim=2) / distance.clamp_min(torch.finfo(nu.dtype).tiny)
    return error.where(predicted.any(2) | change.any(2), 1.0), distance


def reach(steps: Sequence[float], errors: Sequence[float]) -> float | None:
    """The largest step up to which every error is below the limit; None if the first is not."""
    good = next((k for k, error in enumerate(errors) if not error < page.LIMIT), len(steps))
    return steps[good - 1] if good else None
