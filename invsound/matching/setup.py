"""What matching needs besides a sound: parts that are ready, candidates, and whoever can listen."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..data import columns, designs
from ..data.store import Store
from ..errors import InvsoundError, UsageError, did_you_mean
from ..executor import workforce
from ..hooks import options, registry
from ..hooks.culprit import ask
from ..problem import Problem, ProblemOptions
from ..runs import config as configs
from ..runs import given, hints
from ..runs.given import AnyFeature, AnySolver, AnySynth
from ..runs.parts import Parts
from ..solver import Solver
from ..synth import Synth
from ..system import device as devices
from ..system.shared import alone, forward_mode
from ..trained.trained import Trained, load
from .options import MatchOptions, groups
from .search import Free, full
from .target import files

GROUPS = ("synth", "feature", "solver", "problem", "match", "executor")
DICTIONARY = 2**28  # bytes of S of the candidates that are kept in the cache
SHARES = (4, 2)  # of its length, that a sound is compared in first, where there is
LATER = 0.01  # of its energy after that
AGREEING = 4  # candidates that are made short and long
AGREE = 1e-3  # ‖difference‖ / ‖sound‖ of a sound that is made short from the beginning of what is made long


def _check_groups(given: Mapping[str, Any], named: Mapping[str, str]) -> None:
    for key in given:
        if key not in GROUPS:
            known = hints.options_of(named) | {"problem": ProblemOptions, "match": MatchOptions}
            available = ", ".join(f"{group}.…" for group in GROUPS)
            raise UsageError(f"match has no option {key!r}.{hints.hint(key, known, named['synth'])} Available: {available}.")


class Setup:
    """A synthesizer, a representation and a solver, ready for any number of sounds.

    `of` holds options by group: synth, feature, solver, problem, match (`MatchOptions`), executor; or is "group.key=value" each.
    Raises UsageError for a wrong name or value.
    """

    @alone()
    def __init__(
        self, synth: AnySynth | None = None, feature: AnyFeature | None = None,
        solver: AnySolver | None = None, of: Mapping[str, Any] | Sequence[str] | None = None,
        *, jobs: int = 1, executor: str = "local", device: str = "cpu", quiet: bool = False,
    ) -> None:  # fmt: skip
        ready = given.layer({"synth": synth, "feature": feature, "solver": solver})
        named = {kind: configs.chosen(kind, ready["parts"].get(kind)) for kind in ("synth", "feature", "solver")}
        asked = of if isinstance(of, Mapping) else groups(of or (), {})
        _check_groups(asked, named)
        asked = options.merge({group: ready[group] for group in GROUPS if group in ready}, asked)
        of = {group: options.group(asked, group) for group in GROUPS}
        self.options = options.resolve(MatchOptions, of.pop("match"), "match")
        self.who, self.device, self.quiet = workforce(of, jobs, executor), devices.choose(device), quiet
        self.name = named.pop("solver")
        self.solver: Solver = registry.build("solver", self.name, of.pop("solver"))
        self.given = {"parts": named, **of, "seed": self.options.seed}
        self.parts = Parts(configs.resolve(self.given))
        self.synth, self.problem = self.parts.synth, self.parts.problem.to(self.device)
        if self.synth.nuisance:
            self.synth.seed = self.options.nuisance
        if self.solver.needs_gradient and not self.synth.differentiable:
            raise UsageError(
                f"The solver {self.name!r} needs gradients, which the synth {named['synth']!r} does not have. Choose one that does without."
            )
        self.held, self.free = self._held()
        self._short: dict[int, Problem | None] = {}
        if self.solver.needs_gradient and len(self.free.parts.discrete) == len(self.free.parts):
            raise UsageError(f"The solver {self.name!r} needs gradients, and choices and steps have none. Choose one that does without.")
        _ = self.encoder
        if self.options.yardstick is not None:
            files(self.options.yardstick)

    def _held(self) -> tuple[Tensor, Free]:
        """ν [W] of the parameters that are held, mid-range elsewhere, and what is free."""
        space, fix, free, start = self.synth.space, self.options.fix, self.options.free, self.options.start
        for name in (*fix, *(free or ()), *start):
            if name not in space.names:
                raise UsageError(f"{name!r} is no parameter.{did_you_mean(name, space.names)} Available: {', '.join(space.names)}.")
        nu, self.begun = space.to_nu(space.values(fix)), space.to_nu(space.values(start))
        names = [name for name in space.names if name not in fix and (free is None or name in free)]
        if not names:
            raise UsageError("Every parameter is held: leave at least one free.")
        return nu.float().to(self.device), Free(space, names, self.device)

    @property
    def lines(self) -> list[str]:
        """The options of synth, feature, solver and problem that are not at their defaults, as a command line takes them."""
        parts = {"synth": self.synth, "feature": self.problem.feature, "solver": self.solver}
        made = {kind: getattr(part, "options", None) for kind, part in parts.items()} | {"problem": self.parts.config.problem}
        return [
            f"{kind}.{name}={json.dumps(value, ensure_ascii=False)}"
            for kind, given in made.items()
            if dataclasses.is_dataclass(given)  # whoever has not told its base class of them has none
            for name, value in options.unusual(given).items()
        ]

    @cached_property
    def candidates(self) -> Tensor:
        """u [n, F], Sobol points."""
        drawn = designs.draw(self.synth, "sobol", {"train": self.options.candidates}, self.options.seed)["train"]
        return drawn.to(self.device)[:, self.free.mask]

    @cached_property
    def dictionary(self) -> Tensor | None:
        """S [n, D] of the candidates, prepared once for all sounds; None if that is too large to keep."""
        nu = full(self.candidates, self.held, self.free.mask)
        D = len(self.represent(self.problem.render(nu[:1]))[0])
        if 4 * D * len(nu) > DICTIONARY:
            return None
        return columns.features(self.parts, nu.cpu(), Store(), self.who, self.device).to(self.device)

    @torch.no_grad()
    def represent(self, x: Tensor) -> Tensor:
        """Φ(x) [B, D] of audio [B, N]."""
        return self.problem.represent(x)

    def brief(self, x: Tensor) -> Problem:
        """The problem of sounds a quarter or half as long, where time counts and little of x [N] comes after; or else of whole ones."""
        energy, N, short = x.square().cumsum(0), len(x), None
        if self.options.brief and self.options.evaluations is None and self.dictionary is not None:
            over = (N // share for share in SHARES if energy[-1] - energy[N // share - 1] <= LATER * energy[-1])
            short = next((problem for n in over if (problem := self._shortened(n)) is not None), None)
        return short or self.problem

    def _shortened(self, n: int) -> Problem | None:
        """The problem of sounds of n samples; None if these are not the beginnings of the synth's, or the feature wants longer ones."""
        if n not in self._short:
            self._short[n] = self._made_short(n)
        return self._short[n]

    @torch.no_grad()
    def _made_short(self, n: int) -> Problem | None:
        if not (self.synth.differentiable and hasattr(self.synth.options, "num_samples")):
            return None
        try:
            parts = Parts(configs.resolve(options.merge(self.given, {"synth": {"num_samples": n}})))
            parts.synth.seed, problem = self.synth.seed, parts.problem.to(self.device)
            nu = full(self.candidates[:AGREEING], self.held, self.free.mask)
            problem(nu[:1])
            long = self.problem.render(nu)[:, :n]
            return problem if ((problem.render(nu) - long).norm(dim=1) <= AGREE * long.norm(dim=1)).all() else None
        except InvsoundError:
            return None

    def unmoved(self, J: Tensor) -> str:
        """What there is to say of free parameters along which J [1, D, W] is zero."""
        free = torch.tensor([name in self.free.names for name in self.synth.space.names], device=J.device)
        return self.problem.warning(self.problem.unmoved(J) & free)

    @cached_property
    def encoder(self) -> Trained | None:
        """Whoever was trained to hear these parameters."""
        if self.options.encoder is None:
            return None
        trained = load(self.options.encoder)
        learned, here = trained.synth, self.synth
        if (learned.space.names, learned.signal.sample_rate) != (here.space.names, here.signal.sample_rate):
            name = self.parts.config.parts["synth"]
            raise UsageError(f"{self.options.encoder!r} learned another synth or sample rate than those of {name!r} here.")
        return trained

    @torch.no_grad()
    def guesses(self, x: Tensor, synth: Synth | None = None) -> Tensor:
        """u [K, F] from whoever can listen to x [n], n ≤ N, and knows where to begin: the synth, or the `synth` that is it of shorter
        sounds, an encoder, the option `start`."""
        found, synth = [self.held.new_empty(0, len(self.held))], synth or self.synth
        if self.options.guess:
            with forward_mode:  # which its author may use
                beginning = x[: synth.signal.num_samples]
                found.append(ask(synth, synth.guess, beginning, shape=(None, len(self.held)), precision=False).to(self.held))
        if self.encoder:
            own = torch.nn.functional.pad(x, (0, self.encoder.synth.signal.num_samples - len(x)))  # or as much as it hears
            found.append(self.synth.space.to_nu(self.encoder.theta(own[None])).to(self.held))
        if self.options.start:
            found.append(self.begun[None].to(self.held))
        return self.free.parts.snapped(torch.cat(found).clamp(-1, 1)[:, self.free.mask])
