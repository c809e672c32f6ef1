"""Sweeps: options × seeds, each combination a run folder of its own. What is finished is not run again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import pipeline
from ..errors import InvsoundError, UsageError
from ..executor import Workforce, workforce
from ..hooks import options
from ..runs.folder import NAME
from ..system import device as devices
from ..system import progress
from ..system.claim import Busy
from ..system.executor import run_all
from ..system.files import remove_rests, write_text
from .plan import Planned, plan


def sweep(
    what: Path | str | Mapping[str, Any], *, out: Path | str | None = None, preset: str | None = None, seeds: Sequence[int] | None = None,
    only: Sequence[str] | None = None, overrides: Sequence[str] = (), jobs: int = 1, executor: str = "local", device: str = "cpu",
    dry_run: bool = False, quiet: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    """Run every configuration of a sweep with every seed, and return name, seed, folder and state of each run.

    `what` is a YAML file or its content: `base` (options as in config.yaml, and `preset`), `grid` (dotted key → values),
    `configurations` (name → options), `seeds`. `preset` and `seeds` replace the file's own, `only` names the configurations to run (None:
    all), and `overrides` such as "data.train=64" hold for every run. Runs are in `out`/name/seed-n; `out` is runs/ and the file's name,
    and that of the preset, if None. A run that is finished is skipped, one that was interrupted goes on. A run that fails has the state
    "failed" and its "error", one that another command is at work on is left to it, "elsewhere"; the others go on. An `executor` that works
    elsewhere, its options among the overrides, is given each run as a task; otherwise they follow each other. Progress is shown on
    stderr, unless `quiet`. Raises UsageError, before any work, for a wrong name or option, or where a folder was begun with other options.
    """
    who = workforce(options.from_overrides(overrides), jobs, executor)
    planned = plan(what, out, preset, seeds, only, overrides)
    devices.choose(device)
    if dry_run:
        return [run.told() for run in planned]
    _check(planned)
    for folder in {run.folder.parent for run in planned}:
        remove_rests(folder)
    with progress.shown(quiet):
        return _elsewhere(planned, who, device) if who.elsewhere else _here(planned, who, device)


def _here(planned: list[Planned], who: Workforce, device: str) -> list[dict[str, Any]]:
    outcomes = []
    for number, run in enumerate(planned, 1):
        done = {"new": "", "begun": ", which was begun", "finished": ", which is finished"}[run.state]
        progress.log.info("%d of %d: %s, seed %d%s", number, len(planned), run.name, run.seed, done)
        outcomes.append(_carry_out(run, who, device))
    return outcomes


def _elsewhere(planned: list[Planned], who: Workforce, device: str) -> list[dict[str, Any]]:
    """Each run that is not finished as a task, which uses the cores that it has there."""
    tasks = [(run, device) for run in planned if run.state != "finished"]
    outcomes = {run.folder: run.told() for run in planned}

    def done(task: tuple[Planned, str], outcome: dict[str, Any]) -> None:
        outcomes[task[0].folder] = outcome
        why = f": {outcome['error']}" if "error" in outcome else ""
        progress.log.info("%s: %s, seed %d%s", outcome["state"], outcome["name"], outcome["seed"], why)
        advance(1)

    with who.executor(len(tasks)) as pool, progress.bar("Sweep", len(tasks), "runs") as advance:
        run_all(pool, carry_out, tasks, done)
    return list(outcomes.values())


def carry_out(task: tuple[Planned, str]) -> dict[str, Any]:
    """A run of a sweep, wherever this is."""
    run, device = task
    return _carry_out(run, Workforce(devices.cores()), device)


def _check(planned: list[Planned]) -> None:
    """Raise UsageError for what the first seed of any configuration, still to be run, would stumble over hours later."""
    to_come = {run.folder.absolute() for run in planned}
    first = {run.name: run for run in reversed(planned) if run.state == "new"}
    for run in first.values():
        try:
            pipeline.checked(run.config, runs_to_come=to_come)
        except UsageError as error:
            raise UsageError(f"{run.name}: {error}") from error
        except Exception as error:  # a part that fails is told when its turn comes: the other configurations are not to blame
            progress.log.debug("%s: %s", run.name, error)


def _carry_out(run: Planned, who: Workforce, device: str) -> dict[str, Any]:
    try:
        write_text(run.folder.parent / NAME, f"{run.name}\n")
        if run.state == "new":
            _begin(run, who, device)
        elif run.state == "begun":
            pipeline.go_on(run.folder, who=who, device=device)
    except Busy as error:
        progress.log.info("Skipped: %s, seed %d: %s", run.name, run.seed, error)
        return run.told() | {"state": "elsewhere"}
    except KeyboardInterrupt:
        progress.log.info("The same sweep, started again, goes on from here.")
        raise
    except Exception as error:  # whatever a part raises, the other configurations are not to blame
        message = str(error) if isinstance(error, InvsoundError) else f"{type(error).__name__}: {error}"
        progress.log.error("Failed: %s, seed %d: %s", run.name, run.seed, message)
        progress.log.debug("", exc_info=progress.log.isEnabledFor(logging.DEBUG))
        return run.told() | {"state": "failed", "error": message}
    return run.told()


def _begin(run: Planned, who: Workforce, device: str) -> None:
    """Begin a run, unless an equal sweep did in this moment. Raises Busy if it is at work."""
    try:
        pipeline.begin(run.config, run.folder, who=who, device=device)
    except UsageError:
        if run.state == "begun":
            pipeline.go_on(run.folder, who=who, device=device)
        elif run.state == "new":
            raise
