"""The method section as code: `run`, and its stages in their order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .data import columns, designs
from .data.store import Store
from .evaluation import evaluation
from .evaluation.result import RunResult
from .evaluation.targets import Targets
from .executor import Workforce, workforce
from .hooks import options
from .pages import record, report
from .runs import config as configs
from .runs import environment, folder, given
from .runs.config import Config
from .runs.given import AnyEncoder, AnyFeature, AnyLoss, AnyOptimizer, AnyScore, AnySynth
from .runs.inputs import Heard, Inputs, keep
from .runs.naming import flat
from .runs.parts import Parts
from .system import device as devices
from .system import progress
from .system.claim import claimed
from .system.files import check_folder
from .system.shared import alone
from .training import alike, ranks, start
from .training.checkpoint import finished
from .training.fit import fit
from .training.trainer import OnEpoch


def run(
    synth: AnySynth | None = None, feature: AnyFeature | None = None, loss: AnyLoss | None = None, *,
    optimizer: AnyOptimizer | None = None, encoder: AnyEncoder | None = None, scores: Sequence[AnyScore] | None = None,
    overrides: Sequence[str] = (), config: Path | str | None = None, preset: str = "quick", targets: Sequence[str | Path] = (),
    out: Path | str | None = None, jobs: int = 1, executor: str = "local", device: str = "cpu", quiet: bool = False,
    on_epoch: OnEpoch | None = None,
) -> RunResult:  # fmt: skip
    """Train an encoder to find the synth's parameters from its sound, and return the run's scores with its folder under "folder".

    A part is named, or given as a class, or, the synth and the feature, as an object that is ready, of whose options another is made;
    `scores` are those to report, all that are installed if None. Options are merged from the preset, the YAML file `config`, the parts
    given here, and `overrides` such as "data.train=64", for a class too: "loss.weight=2".
    Sounds are prepared by `jobs` processes of this machine, or the `executor` of that name, whose options are overrides too,
    "executor.partition=cpu"; who computes changes no score.
    `targets` are recordings for the trained encoder to match at the end. `out` is the run folder, which
    must be new; None chooses one under `runs/`. Progress is shown on stderr, unless `quiet`, or goes to whatever `logging` was set up
    for; `on_epoch` is called after each epoch with its line of metrics.jsonl, a dict, and may raise to end the run. Raises UsageError
    for a wrong name, option or file, NonFiniteError for a NaN, InvsoundError for other failures; whatever was prepared is kept, and
    `resume(folder)` goes on.
    """
    named = {"synth": synth, "feature": feature, "loss": loss, "optimizer": optimizer, "encoder": encoder}
    asked = options.from_overrides(overrides)
    who = workforce(asked, jobs, executor)
    if targets:
        asked = options.merge(asked, {"evaluate": {"targets": [str(path) for path in targets]}})
    layers: list[dict[str, Any]] = [options.from_file(Path(config)) if config else {}]
    layers += [given.layer(named), given.scores(scores), asked]
    resolved, source = configs.resolve(*layers, preset=preset), Path(config).parent if config else None
    with progress.shown(quiet):
        return begin(resolved, out, who=who, device=device, source=source, anew=_paths(asked), on_epoch=on_epoch)


@alone()
def begin(
    config: Config, out: Path | str | None = None, *, who: Workforce, device: str = "cpu", source: Path | None = None,
    anew: Collection[str] = (), on_epoch: OnEpoch | None = None,
) -> RunResult:  # fmt: skip
    """`run`, of options that are resolved already.

    `source` is the folder that they come from: if it is that of a run, what that run kept is read, but for the origins `anew`.
    """
    where = devices.choose(device)
    ranks.check(config.train, where)
    given.check_workers(config, who.workers or config.train.devices > 1)
    folder.check_new(Path(out)) if out else check_folder("runs")
    started = start.kept(config, source, anew)
    ready = checked(config, Inputs(source, anew), started=started)
    with folder.created(out, config) as path:
        if started:
            start.keep(started, path)
        return _run(ready, path, who, where, on_epoch)


def _paths(asked: dict[str, Any]) -> set[str]:
    """Every text that was asked for, as a path: what is named anew is read anew."""
    values = [item for value in flat(asked).values() for item in (value if isinstance(value, list) else [value])]
    return {configs.absolute(text) for text in values if isinstance(text, str) and "\0" not in text}


@dataclass(frozen=True)
class Ready:
    """What can be known of a run before its hours of work: its parts, the sounds of every fold, and its targets as it hears them."""

    parts: Parts
    drawn: designs.Drawn
    heard: list[Heard]

    def keep(self, path: Path) -> None:
        """A copy, in the run folder, of what was read from outside."""
        keep(path, self.parts.synth, self.drawn.table, self.heard, self.drawn.sounds)


@alone()
def checked(config: Config, inputs: Inputs | None = None, runs_to_come: Collection[Path] = (), started: Path | None = None) -> Ready:
    """Whatever can be built, opened or named is, before hours of work, not after.

    The run that `train.start` names may be one of those to come, or `started` has kept its weights. Raises UsageError or InvsoundError.
    """
    start.check(config, started, runs_to_come)
    return _ready(Parts(config), inputs or Inputs(None))


def _ready(parts: Parts, inputs: Inputs, more: Sequence[str] = ()) -> Ready:
    """Also of `more` recordings than the run's own."""
    heard = inputs.heard(parts.synth, [*parts.config.evaluate.targets, *more])
    parts.check()
    return Ready(parts, designs.of_run(parts, inputs), heard)


def resume(
    path: Path | str, *, jobs: int = 1, executor: str = "local", overrides: Sequence[str] = (), device: str = "cpu", quiet: bool = False,
    on_epoch: OnEpoch | None = None, **parts: Any,
) -> RunResult:  # fmt: skip
    """Go on with an interrupted run from its last shard and epoch; the result is that of an uninterrupted one.

    `jobs`, `executor`, `quiet` and `on_epoch` are as in `run`; `overrides` are those of the executor alone. Classes that the run was
    given are given again, `resume(path, loss=MyLoss)`, with the code that they had. A run that is finished is left as it is, and what
    it found is returned; one that lacks a file, or has a damaged one, is scored again.
    """
    who = workforce(options.from_overrides(overrides), jobs, executor, alone=True)
    with progress.shown(quiet):
        return go_on(path, who=who, device=device, on_epoch=on_epoch, again=parts)


@alone()
def go_on(
    path: Path | str, *, who: Workforce, device: str = "cpu", on_epoch: OnEpoch | None = None, again: Mapping[str, Any] | None = None
) -> RunResult:
    """`resume`, by a workforce that is chosen already."""
    run_folder = folder.existing(path)
    where = devices.choose(device)
    check_folder(run_folder)
    parts, inputs = Parts(given.load(run_folder / "config.yaml", again or {})), Inputs(run_folder)
    ranks.check(parts.config.train, where)
    given.check_workers(parts.config, who.workers or parts.config.train.devices > 1)
    with claimed(run_folder):
        if finished(parts, run_folder):
            progress.log.info("%s is finished: nothing is left to do. To score it anew: invsound evaluate %s", run_folder, run_folder)
            return RunResult(record.scores(run_folder), seconds=record.seconds(run_folder), folder=str(run_folder))
        return _run(_ready(parts, inputs, inputs.origins), run_folder, who, where, on_epoch)


def _run(ready: Ready, path: Path, who: Workforce, where: str, on_epoch: OnEpoch | None) -> RunResult:
    parts, seconds = ready.parts, folder.Clock(path)
    ready.keep(path)
    environment.write(path, parts.config, where)
    progress.log.info("Run folder: %s", path)
    folds = seconds("preparation", lambda: columns.prepare(parts, ready.drawn.nu, Store(), who, where, x=ready.drawn.x))
    alike.tell(folds["train"])
    encoder = seconds("training", lambda: fit(parts, path, folds, who, where, on_epoch))
    folder.save_encoder(path, encoder)
    return _evaluate(ready, path, encoder, folds["test"], seconds, where)


def _evaluate(ready: Ready, path: Path, encoder: Any, test: columns.Fold, seconds: folder.Clock, where: str) -> RunResult:
    judge = evaluation.Evaluation(ready.parts, path, where)
    encoders = {"trained": encoder, "untrained": ready.parts.encoder().to(where)}
    mean = ready.drawn.nu["train"].mean(0)
    scores = seconds("evaluation", lambda: judge.test(test, encoders, mean))
    scores["targets"] = Targets(judge, encoder, test, mean)(ready.heard) if ready.heard else []
    folder.write_scores(path, scores, seconds.spent)
    report.write_report(path)
    return RunResult(scores, seconds=seconds.spent, folder=str(path))


def evaluate(
    path: Path | str, *, targets: Sequence[str | Path] = (), jobs: int = 1, device: str = "cpu", quiet: bool = False, **parts: Any
) -> RunResult:
    """Score a finished run's encoder anew, on its test fold and on recordings, and rewrite its scores and report.

    `targets` come to those that the run has; one that it has already is read again. The others are as they were heard, wherever they are.
    Classes that the run was given are given again, as in `resume`.
    """
    with progress.shown(quiet):
        return _evaluate_anew(path, targets, jobs, device, parts)


@alone()
def _evaluate_anew(
    path: Path | str, targets: Sequence[str | Path], jobs: int, device: str, again: Mapping[str, Any]
) -> RunResult:  # fmt: skip
    run_folder, where, new = folder.existing(path), devices.choose(device), [configs.absolute(target) for target in targets]
    check_folder(run_folder)
    parts, inputs = Parts(given.load(run_folder / "config.yaml", again)), Inputs(run_folder, new)
    ready = _ready(parts, inputs, [*inputs.origins, *new])
    encoder = folder.load_encoder(run_folder, parts.encoder()).to(where).eval()
    with claimed(run_folder):
        test = columns.prepare(parts, ready.drawn.nu, Store(), Workforce(jobs), where, ["test"], ready.drawn.x)["test"]
        ready.keep(run_folder)
        return _evaluate(ready, run_folder, encoder, test, folder.Clock(run_folder), where)
