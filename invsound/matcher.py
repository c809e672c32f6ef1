"""A matcher: the parts that are ready for any number of sounds."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import audio, data, designs, evaluation, folder, options, registry
from . import config as configs
from . import device as devices
from .errors import UsageError, did_you_mean
from .executor import single_thread
from .matching import Match, Matching
from .parts import Parts
from .problem import finite
from .search import full
from .solver import Solver
from .store import Store

DICTIONARY = 2**28  # bytes of S of the candidates that are kept in the cache


@dataclass
class MatchOptions:
    """How a sound is matched.

    candidates: random sounds it is compared with
    starts: regions that are surveyed and points that are handed to the solver
    survey: whether candidates are refined by regression models before the solver begins
    keep: distinct solutions to return
    budget: time for one sound, in seconds or as 90s or 2min, apart from the candidates, which all sounds share (null: no limit)
    evaluations: sounds computed per target, candidates included; a Jacobian counts one per parameter (null: any number)
    fix: parameters that are held, and their values in their units
    free: parameters that are estimated; the others are held, at mid-range where `fix` does not say (null: all)
    encoder: folder of a run whose trained encoder adds a start
    seed: seed of candidates and survey
    """

    candidates: int = 256
    starts: int = 4
    survey: bool = True
    keep: int = 1
    budget: int | float | str | None = 60
    evaluations: int | None = None
    fix: dict[str, float] = field(default_factory=dict)
    free: list[str] | None = None
    encoder: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("candidates", "starts", "keep"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, got {getattr(self, name)}")
        self.budget = _seconds(self.budget)
        for name in ("budget", "evaluations"):
            if (value := getattr(self, name)) is not None and not value > 0:
                raise ValueError(f"{name} is positive or null, got {value}")


def _seconds(text: int | float | str | None) -> float | None:
    """`90`, `"90s"`, `"1.5 min"`."""
    if isinstance(text, str):
        matched = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(s|min|h)?\s*", text)
        if not matched:
            raise ValueError(f"budget is a time such as 60s or 2min, got {text!r}")
        return float(matched[1]) * {"h": 3600.0, "min": 60.0}.get(matched[2], 1.0)
    return text


class Matcher:
    """A synthesizer, a representation and a solver, ready for any number of sounds: `matcher(x, sample_rate)` or `matcher(path)`.

    `of` holds options by group: synth, feature, solver, problem, and match (`MatchOptions`). Raises UsageError for a wrong name or value.
    """

    def __init__(
        self, synth: str, feature: str, solver: str = "lm", of: Mapping[str, Any] | None = None, *, jobs: int = 1, device: str = "cpu"
    ) -> None:
        groups = ("synth", "feature", "solver", "problem", "match")
        given = {group: dict((of or {}).get(group, {})) for group in groups}
        if unknown := set(of or {}) - set(groups):
            raise UsageError(f"match has no option {min(unknown)!r}. Available: {', '.join(f'{g}.…' for g in groups)}.")
        self.options = options.resolve(MatchOptions, given.pop("match"), "match")
        self.name, self.jobs, self.device = solver, jobs, devices.choose(device)
        self.solver: Solver = registry.build("solver", solver, given.pop("solver"))
        named = {"synth": synth, "feature": feature}
        self.parts = Parts(configs.resolve({"parts": named, **given, "seed": self.options.seed}))
        self.synth, self.problem = self.parts.synth, self.parts.problem.to(self.device)
        if self.solver.needs_gradient and not self.synth.differentiable:
            raise UsageError(
                f"The solver {solver!r} needs gradients, which the synth {synth!r} does not have. Choose one that does without."
            )
        self.held, self.free = self._held()

    def _held(self) -> tuple[Tensor, Tensor]:
        """ν [P] of the parameters that are held, zero elsewhere, and which are free [P]."""
        space, fix, free = self.synth.space, self.options.fix, self.options.free
        for name in (*fix, *(free or ())):
            if name not in space.names:
                raise UsageError(f"{name!r} is no parameter.{did_you_mean(name, space.names)} Available: {', '.join(space.names)}.")
        nu = space.to_nu(space.values(fix))
        mask = torch.tensor([name not in fix and (free is None or name in free) for name in space.names])
        if not mask.any():
            raise UsageError("Every parameter is held: leave at least one free.")
        return nu.float().to(self.device), mask.to(self.device)

    @cached_property
    def candidates(self) -> Tensor:
        """u [n, F], Sobol points."""
        return designs.draw(self.synth, "sobol", {"train": self.options.candidates}, self.options.seed)["train"].to(self.device)[
            :, self.free
        ]

    @cached_property
    def dictionary(self) -> Tensor | None:
        """S [n, D] of the candidates, prepared once for all sounds; None if that is too large to keep."""
        nu = full(self.candidates, self.held, self.free)
        D = len(self.represent(self.problem.render(nu[:1]))[0])
        if 4 * D * len(nu) > DICTIONARY:
            return None
        return data.features(self.parts, nu.cpu(), Store(), self.jobs, self.device).to(self.device)

    @torch.no_grad()
    def represent(self, x: Tensor) -> Tensor:
        """Φ(x) [B, D] of audio [B, N]."""
        return finite(self.problem.feature(x), f"The feature {type(self.problem.feature).__name__}")

    @single_thread()
    def __call__(self, x: Tensor | str | Path, sample_rate: float | None = None) -> Match:
        """Match one sound: a file, or samples x [channels…, n] at `sample_rate` Hz. Raises UsageError if it cannot be read or is silent."""
        recording = self._recording(x, sample_rate)
        _ = self.dictionary
        return Matching(self, recording).match()

    def _recording(self, x: Tensor | str | Path, sample_rate: float | None) -> audio.Recording:
        if isinstance(x, (str, Path)):
            return evaluation.tell(audio.load_for(self.synth, x))
        if sample_rate is None:
            raise UsageError("A sound given as samples needs its sample_rate in Hz: match(x, 44100, synth=…, feature=…).")
        x = torch.as_tensor(x).detach().cpu()
        with tempfile.TemporaryDirectory() as scratch:
            path = audio.save(Path(scratch) / "samples.wav", x.reshape(-1, x.shape[-1]).mean(0), sample_rate)
            try:
                return evaluation.tell(audio.load_for(self.synth, path))
            except UsageError as error:
                raise UsageError(str(error).replace(str(path), "The sound")) from None

    @cached_property
    def encoder(self) -> tuple[Parts, Any] | None:
        """The parts of the run and its trained encoder."""
        if self.options.encoder is None:
            return None
        path = folder.existing(self.options.encoder)
        parts = Parts(configs.load(path / "config.yaml"))
        if (parts.synth.space.names, parts.synth.signal) != (self.synth.space.names, self.synth.signal):
            raise UsageError(f"The run {str(path)!r} learned another synth or signal than {self.parts.config.parts['synth']!r} here.")
        return parts, folder.load_encoder(path, parts.encoder()).eval()

    @torch.no_grad()
    def guesses(self, x: Tensor) -> Tensor:
        """u [K, F] from whoever can listen: the synth itself, an encoder."""
        found = [self.synth.guess(x).to(self.held)]
        if self.encoder:
            parts, encoder = self.encoder
            theta = parts.space.to_theta(evaluation.predict(encoder, parts.front_end.prepare(x[None].cpu())).double())
            found.append(self.synth.space.to_nu(theta).to(self.held))
        return torch.cat(found).clamp(-1, 1)[:, self.free]


def match(
    x: Tensor | str | Path,
    sample_rate: float | None = None,
    *,
    synth: str,
    feature: str,
    solver: str = "lm",
    overrides: Sequence[str] = (),
    jobs: int = 1,
    device: str = "cpu",
    **how: Any,
) -> Match:
    """Find the parameters of one sound: a file, or samples x [channels…, n] at `sample_rate` Hz.

    `how` are fields of `MatchOptions`, such as budget="60s" or fix={"alpha": 0.5}; overrides are "synth.…", "feature.…", "solver.…" and
    "problem.…"; `jobs` processes prepare the candidates. Raises UsageError for a wrong name, option or file. For several sounds, build
    one `Matcher`.
    """
    return Matcher(synth, feature, solver, groups(overrides, how), jobs=jobs, device=device)(x, sample_rate)


def groups(overrides: Sequence[str], how: Mapping[str, Any]) -> dict[str, Any]:
    """Options by group, from "group.key=value" and from fields of `MatchOptions`; "seed=1" is "match.seed=1"."""
    given = options.from_overrides(overrides)
    if "seed" in given:
        given = options.merge(given, {"match": {"seed": given.pop("seed")}})
    return options.merge(given, {"match": dict(how)}) if how else given
