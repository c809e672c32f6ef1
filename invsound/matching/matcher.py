"""A matcher: called with a sound, it finds the parameters."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from ..audio import recording as recordings
from ..audio.least_squares import derivatives
from ..data import designs
from ..runs.given import AnyFeature, AnySolver, AnySynth
from ..system import heap, progress
from ..system.executor import threads
from ..system.rng import derive
from ..system.shared import alone
from . import verdict
from .match import Match, Nearest
from .matching import Matching
from .options import groups
from .search import full
from .setup import Setup

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


THREADS = 4  # from which on those of one sound wait for each other
Watch: TypeAlias = Callable[[Nearest], object]
"""Called with the nearest sound so far after every computation; once it returns something true, the search is over. It raises nothing."""


class Matcher(Setup):
    """A `Setup` that matches: `matcher(x, sample_rate)` or `matcher(path)`, by as many threads as it has `jobs`, up to four."""

    @alone()
    def __call__(self, x: ArrayLike | Path, sample_rate: float | None = None, watch: Watch | None = None) -> Match:
        """Match one sound: a file, or samples x at `sample_rate` Hz, as in `match`. Raises UsageError if it cannot be read or is silent."""
        with progress.shown(self.quiet), threads(min(self.who.jobs, THREADS)), heap.kept(), self.synth.tolerating():
            recording = self.recording(x, sample_rate)
            derivatives(torch.sin, torch.zeros(1, 1))  # torch imports much before its first one, which is no part of a search
            own = self.own if self.options.own else None
            _ = self.dictionary
            matching = Matching(self, recording)
            if watch is not None:
                matching.search.heard = lambda: matching.search.distance < math.inf and watch(_nearest(matching))
            return verdict.beside_own(matching.match(), own)

    @cached_property
    def own(self) -> float:
        """What the search leaves of sounds of the synth's own: their median distance, in that of a random sound."""
        options = self.options
        nu = designs.draw(self.synth, "random", {"test": options.own}, derive(options.seed, "own"))["test"].to(self.device)
        with torch.no_grad():
            sounds = self.problem.render(full(nu[:, self.free.mask], self.held, self.free.mask))
        found = [Matching(self, recordings.Recording(x.cpu(), Path("own"), [])).find() for x in sounds]
        return statistics.median(one.distance / one.random_distance for one in found)

    def recording(self, x: ArrayLike | Path, sample_rate: float | None = None) -> recordings.Recording:
        """The sound as it is compared at first, `x` [N] at the rate of the synth, and `notes`, what was done to it.

        Raises UsageError if it cannot be read or is silent.
        """
        return recordings.tell(recordings.take_for(self.synth, x, sample_rate, "match(x, 44100, synth=…, feature=…)"))


def _nearest(matching: Matching) -> Nearest:
    search = matching.search
    seconds = time.monotonic() - search.begin
    return Nearest(matching.theta(search.best), search.distance, matching.typical, search.evaluations, seconds)


def match(
    x: ArrayLike | Path,
    sample_rate: float | None = None,
    *,
    synth: AnySynth | None = None,
    feature: AnyFeature | None = None,
    solver: AnySolver | None = None,
    overrides: Sequence[str] = (),
    jobs: int = 1,
    executor: str = "local",
    device: str = "cpu",
    quiet: bool = False,
    watch: Watch | None = None,
    **how: Any,
) -> Match:
    """Find the parameters of one sound: a file, or samples x at `sample_rate` Hz, [n], [n, channels] or [channels, n], of which the
    shorter axis is that of the channels; floats within ±1, or int16, int32 or uint8 at full scale.

    Parts are named, or given as classes or objects, as in `run`; a synth or feature that is not is the only one installed.
    `how` are fields of `MatchOptions`, such as budget="60s" or fix={"alpha": 0.5}; overrides are "synth.…", "feature.…", "solver.…",
    "problem.…" and "executor.…"; `jobs` processes, or that executor, prepare the candidates, and as many threads, up to four, search;
    progress is shown on stderr, unless `quiet`; `watch` is called with the `Nearest` sound so far after every computation, and ends the
    search by returning something true.
    Raises UsageError for a wrong name, option or file. For several sounds, build a `Matcher`.
    """
    made = Matcher(synth, feature, solver, groups(overrides, how), jobs=jobs, executor=executor, device=device, quiet=quiet)
    return made(x, sample_rate, watch)
