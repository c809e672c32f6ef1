"""Matching one sound: listen, survey, solve, and say how sure one may be."""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor

from ..audio import recording as recordings
from ..problem import Problem
from ..score import FOUND, MISSED
from ..solver import Solution, solved
from ..system import progress
from . import uncertainty, verdict
from .match import Interrupted, Match
from .search import Ends, Search, distinct
from .setup import Setup
from .sketch import sketched
from .survey import Evolution, Survey
from .target import Target

CHUNK = 8
AGAIN = 8  # one of so many candidates is heard again as a recording ends, and in its noise, in a twentieth of the time at most
EXACT = 1e-4  # of the distance of a typical random sound
BRIEF = 0.6  # of the time, for a sound that is over early, as long as that alone
SOLVED = 0.25  # of what is left of that, for the solver
IDLE = 2  # rounds that may pass without getting a hundredth nearer
BEGUN = "Nearest of %d candidates and %d guesses: %.4g; typical: %.4g."
ENDED = "Searched for %.1f s, %d sounds: %.4g. Now its errors."


class Matching:
    """One sound on its way, from candidates to an answer."""

    def __init__(self, setup: Setup, recording: recordings.Recording) -> None:
        self.setup, self.recording, self.start, self.typical, options = setup, recording, time.perf_counter(), 0.0, setup.options
        self.target = Target(recording, setup.problem, setup.device, options.floor, options.room)
        self.search = Search(self.target.problem, setup.free.mask, setup.held, self.target.S, options.budget, options.evaluations)

    def match(self) -> Match:
        """What the search finds. Raises Interrupted, with what it has found until then, where Ctrl-C ends it."""
        options, search = self.setup.options, self.search
        total, unit = (options.budget, "s") if options.budget is not None else (options.evaluations, "sounds")
        with progress.gauge("Searching", total, unit) as show:
            search.watch = lambda: show(time.monotonic() - search.begin if options.budget is not None else search.evaluations)
            try:
                return verdict.beside(self.find(), options.yardstick, self.target)
            except KeyboardInterrupt:
                if search.distance == math.inf:
                    raise
                raise Interrupted(self._cut_short()) from None

    def find(self) -> Match:
        """A sound that is over early is searched for as long as that first; then all of it is."""
        options, search = self.setup.options, self.search
        self._compare(self.setup.brief(self.target.x))
        guesses = self.setup.guesses(self.target.heard, self.target.problem.synth)
        survey, own = self._begun(guesses), self.target.event
        if options.sketch and options.evaluations is None and not (options.guess and len(guesses)):
            sketches = sketched(self.setup, self.target, search, guesses).to(guesses)
            survey, guesses = self._begun(sketches, survey), torch.cat([guesses, sketches])
        progress.log.info(BEGUN, options.candidates, len(guesses), search.distance, self.typical)
        far = search.distance > 5 * FOUND * self.typical
        noisy, ends = search.distance if far else math.inf, [(search.best, search.distance)]
        if self.target.is_brief:
            if far:
                with search.within(BRIEF):
                    _, ends, survey = self._rounds(survey)
            self._compare(self.target.whole)
            survey = self._survey(torch.stack([u for u, _ in ends]), survey.nearest(len(self.setup.candidates) // AGAIN, apart=0.01))
        solution, ends, survey = self._rounds(survey)
        return self._told(solution, ends, survey) if own is None or ends[0][1] < 0.5 * noisy else self._heard(own)

    def _rounds(self, survey: Survey | Evolution) -> tuple[Solution, Ends, Survey | Evolution]:
        """Rounds of survey and solver, until the sound is found, the time is over, or a round does not help."""
        options, search, free = self.setup.options, self.search, self.setup.free
        idle, near, reached = 0, 5 * FOUND * self.typical, FOUND * self.typical
        most, share = IDLE * (4 if free.parts.discrete else 1), free.share
        if self.target.is_brief:
            most, share = 1, min(share, SOLVED if options.survey else 1.0)
        if free.parts.discrete:  # what is tried, and not followed, is exact or it is another sound that is like it
            near = reached = EXACT * self.typical
        while True:
            before = search.distance
            if options.survey and before > near:
                survey.explore(options.starts, search.spent(0.5, near))
            starts = survey.nearest(options.starts, apart=0.01).to(search.target)
            solution = solved(self.setup.solver, search, search.target, starts, search.spent(share))
            ends = [(search.best, search.distance), (solution.nu, solution.distance), *solution.ends]
            ends = sorted([(free.parts.snapped(u), distance) for u, distance in ends], key=lambda end: end[1])
            if self._align(ends[0][0][None]):
                survey = self._survey(torch.stack([u for u, _ in ends]))
                continue
            idle = 0 if ends[0][1] < 0.99 * before else idle + 1
            if search.spent()() or idle == most or ends[0][1] < reached:
                return solution, ends, survey
            self._add(survey, ends[0][0][None])

    def _compare(self, problem: Problem) -> None:
        """Compare as much of the sound, as it is aligned now, as a problem's are long."""
        self.target.shorten(problem)
        self.search.problem = self.target.problem
        self.search.aim(self.target.S)

    def _begun(self, u: Tensor, survey: Survey | Evolution | None = None) -> Survey | Evolution:
        """A survey that knows u [K, F], which the recording is aligned with."""
        if self._align(u) or survey is None:
            return self._survey(u)
        self._add(survey, u)
        return survey

    def _align(self, u: Tensor) -> bool:
        """Take back the gain and the lag of the recording against the most similar of some sounds; whether there was anything to do."""
        moved = len(u) > 0 and self.target.align(u, self.search.full(u), self.setup.free)
        if moved:
            self._compare(self.target.compared)
        return moved

    @torch.no_grad()
    def _survey(self, known: Tensor, again: Tensor | None = None) -> Survey | Evolution:
        """All candidates, and the points that are known to be good, compared with the sound: where it is not heard as sounds are made,
        those that are prepared by what is known; then the nearest, or those in u [K, F] that are to be heard `again`, as it is heard."""
        search, u, S, free, options = self.search, self.setup.candidates, self.setup.dictionary, self.setup.free, self.setup.options
        how, together = (search, search.target, options.seed), not self.setup.synth.differentiable
        survey = Evolution(*how, free) if free.parts.discrete else Survey(*how, together)
        distances: list[Tensor] = []
        if S is not None and not self.target.as_made:
            distances = [(S - self.setup.represent(self.target.until_its_end[None])).norm(dim=1)]
            u, S = u[distances[0].argsort()[: max(options.starts, len(u) // AGAIN)]] if again is None else again.to(u), None
        whole, enough = bool(distances), search.spent(1 / 20)
        for k in range(0, len(u), CHUNK):
            if whole and k >= options.starts and enough():
                break
            rows = u[k : k + CHUNK]
            residuals = (S[k : k + CHUNK] if S is not None else search(rows)) - search.target
            if S is not None:
                search.evaluations += len(rows) * (not self.typical)  # once, not for every alignment
                search.see(rows, residuals)
            survey.add(rows, residuals)
            distances += [] if whole else [residuals.norm(dim=1)]
        self.typical = float(torch.cat(distances).median())
        self._add(survey, known)
        return survey

    @torch.no_grad()
    def _add(self, survey: Survey | Evolution, u: Tensor) -> None:
        for rows in u.to(self.search.target).split(CHUNK) if len(u) else ():
            survey.add(rows, self.search(rows) - self.search.target)

    def _cut_short(self) -> Match:
        """The nearest sound so far; nothing is said of its errors, which take as long as some rounds of the search."""
        u = self.search.best
        if self.target.is_brief:
            self._compare(self.target.whole)
            self.search(u[None])
        errors = torch.full((len(self.setup.free.names),), torch.nan, dtype=torch.float64)
        return self._match(
            [(self.search.best, self.search.distance)], errors, errors > 0, False, verdict.cut_short(self._share(self.search.distance))
        )

    def _share(self, distance: float) -> float:
        """Of the distance of a typical random sound; all of it where no sound differs from another."""
        return distance / self.typical if self.typical else 1.0

    def _told(self, solution: Solution, ends: Ends, survey: Survey | Evolution) -> Match:
        """What the rounds have found, and how sure one may be."""
        progress.log.info(ENDED, time.monotonic() - self.search.begin, self.search.evaluations, ends[0][1])
        (u, distance), problem, free = ends[0], self.target.problem, self.setup.free
        share, nu = self._share(distance), self.search.full(u[None])
        J = problem.jacobian(uncertainty.precise(problem, nu))
        scale, missed = float(self.search.target.norm()), distance >= FOUND * self.typical
        with torch.no_grad():
            residual = problem(nu)[0] - self.search.target
            errors = uncertainty.errors(free, J[0][:, free.mask], residual, scale, survey if missed else None, u)
        ends_of_range = free.at_bound(u)
        apart = free.rivals(J[0][:, free.mask].to(residual), residual).to(errors.device) > distance + FOUND * self.typical
        determined = ((errors < uncertainty.DETERMINED) | (errors.isnan() & apart)) & (share < MISSED) & ~ends_of_range
        unknown = free.chosen(~determined & ~ends_of_range)
        said = verdict.of_features(share, unknown, verdict.bounds(free, u), self.setup.unmoved(J), solution.advice)
        if share >= MISSED:
            errors = torch.full_like(errors, torch.nan)  # of a sound that was not found they say nothing
        return self._match(ends, errors, determined, solution.converged, said)

    def _heard(self, u: Tensor) -> Match:
        """A sound whose waveform explains the recording, though not in Φ: there is something else in it, such as noise."""
        self._align(u[None])  # it may have been with another, since
        target, nu = self.target, self.search.full(u[None])[0]
        errors, distance = uncertainty.waveform_errors(target.problem, nu, self.setup.free, target.x), target.distance(nu)
        ends_of_range = self.setup.free.at_bound(u)
        determined = ((errors < uncertainty.DETERMINED) | errors.isnan()) & ~ends_of_range  # another option would have another waveform
        unknown = self.setup.free.chosen(~determined & ~ends_of_range)
        said = verdict.of_waveform(distance / self.typical, target.correlation, unknown, verdict.bounds(self.setup.free, u))
        return self._match([(u, distance)], errors, determined, True, said)

    def _match(self, ends: Ends, errors: Tensor, determined: Tensor, converged: bool, advice: str) -> Match:
        setup, space, search, target = self.setup, self.setup.synth.space, self.search, self.target
        u, distance = ends[0]
        nu, free, ends_of_range = search.full(u[None])[0], setup.free.names, self.setup.free.at_bound(u).to(errors.device)
        known = dict(zip(free, errors.where(~ends_of_range, torch.nan).tolist(), strict=True))
        with torch.no_grad(), setup.synth.tolerating(False):
            x_hat = setup.problem.render(nu[None])[0]
        sample_rate = setup.synth.signal.sample_rate
        gain_db = 20 * math.log10(max(abs(self.recording.gain * target.gain), 1e-12))
        return Match(
            self.recording.path.name, setup.parts.config.parts["synth"], setup.parts.config.parts["feature"], setup.name,
            self.theta(u), {p.name: p.unit for p in space}, uncertainty.in_units(space, nu, known),
            dict(zip(free, determined.tolist(), strict=True)), dict(zip(free, ends_of_range.tolist(), strict=True)),
            distance, self.typical, converged, advice,
            gain_db, self.recording.onset + target.lag / sample_rate, target.correlation, self.recording.notes,
            search.evaluations, time.perf_counter() - self.start, search.history,
            [{"parameters": self.theta(v), "distance": d} for v, d in distinct(ends)[1 : setup.options.keep]],
            nu.cpu(), target.x.cpu(), x_hat.cpu(), sample_rate, [p.as_dict() for p in space], options=setup.lines,
        )  # fmt: skip

    def theta(self, u: Tensor) -> dict[str, float | int | str]:
        space = self.setup.synth.space
        return space.named(space.clipped(self.search.full(u[None])[0]))
