"""The method section as code: `run`, and its stages in their order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from .audio import recording as recordings
from .data import columns, designs
from .evaluation import evaluation
from .hooks import options
from .pages import report
from .runs import config as configs
from .runs import environment, folder
from .runs.config import Config
from .runs.parts import Parts
from .system import device as devices
from .system import progress
from .system.claim import claimed
from .system.shared import alone
from .system.store import Store
from .system.writable import check_folder
from .training import start
from .training.trainer import Trainer


def run(
    synth: str | None = None,
    feature: str | None = None,
    loss: str | None = None,
    *,
    optimizer: str | None = None,
    encoder: str | None = None,
    overrides: Sequence[str] = (),
    config: Path | str | None = None,
    preset: str = "quick",
    targets: Sequence[str | Path] = (),
    out: Path | str | None = None,
    jobs: int = 1,
    device: str = "cpu",
) -> dict[str, Any]:
    """Train an encoder to find the synth's parameters from its sound, and return the run's scores with its folder under "folder".

    Options are merged from the preset, the YAML file `config`, the parts named here, and `overrides` such as
    "data.train=64". `targets` are recordings for the trained encoder to match at the end. `out` is the run folder, which
    must be new; None chooses one under `runs/`. Raises UsageError for a wrong name, option or file, NonFiniteError for a
    NaN, InvsoundError for other failures; whatever was prepared is kept, and `resume(folder)` goes on.
    """
    named = {"synth": synth, "feature": feature, "loss": loss, "optimizer": optimizer, "encoder": encoder}
    layers: list[dict[str, Any]] = [options.from_file(Path(config)) if config else {}]
    layers += [{"parts": {kind: name for kind, name in named.items() if name is not None}}, options.from_overrides(overrides)]
    if targets:
        layers.append({"evaluate": {"targets": [str(Path(path).resolve()) for path in targets]}})
    return begin(configs.resolve(*layers, preset=preset), out, jobs=jobs, device=device)


@alone()
def begin(config: Config, out: Path | str | None = None, *, jobs: int = 1, device: str = "cpu") -> dict[str, Any]:
    """`run`, of options that are resolved already."""
    where = devices.choose(device)
    folder.check_new(Path(out)) if out else check_folder("runs")
    parts, nu = checked(config)
    with folder.created(out, config) as path:
        return _run(parts, nu, path, jobs, where)


@alone()
def checked(config: Config, runs_to_come: Collection[Path] = ()) -> tuple[Parts, dict[str, Tensor]]:
    """The parts and the ν of a run: whatever can be built, opened or named is, before hours of work, not after.

    The run that `train.start` names may be one of those to come. Raises UsageError or InvsoundError for what cannot.
    """
    parts = Parts(config)
    start.check(config, runs_to_come)
    for target in config.evaluate.targets:
        recordings.load_for(parts.synth, target)
    parts.check()
    return parts, designs.drawn(parts.synth, config.data, config.seed)


@alone()
def resume(path: Path | str, *, jobs: int = 1, device: str = "cpu") -> dict[str, Any]:
    """Go on with an interrupted run from its last shard and epoch; the result is that of an uninterrupted one."""
    run_folder = folder.existing(path)
    where = devices.choose(device)
    check_folder(run_folder)
    config = configs.load(run_folder / "config.yaml")
    parts = Parts(config)
    parts.check()
    with claimed(run_folder):
        return _run(parts, designs.drawn(parts.synth, config.data, config.seed), run_folder, jobs, where)


def _run(parts: Parts, nu: dict[str, Tensor], path: Path, jobs: int, where: str) -> dict[str, Any]:
    seconds = folder.Clock(path)
    environment.write(path, parts.config, where)
    progress.log.info("Run folder: %s", path)
    folds = seconds("preparation", lambda: columns.prepare(parts, nu, Store(), jobs, where))
    trainer = _trainer(parts, path, where)
    encoder = seconds("training", lambda: trainer.fit(*(folds[name].at(parts.learned(folds[name].nu)) for name in ("train", "val"))))
    folder.save_encoder(path, encoder)
    return _evaluate(parts, path, encoder, folds["test"], nu["train"].mean(0), seconds, where)


def _trainer(parts: Parts, path: Path, where: str) -> Trainer:
    cfg: Config = parts.config
    parts.to(where)

    return Trainer(start.encoder(parts, path).to(where), parts.loss, parts.optimizer, cfg.train, cfg.seed, path, parts.pretrain)


def _evaluate(
    parts: Parts, path: Path, encoder: Any, test: columns.Fold, mean: Tensor, seconds: folder.Clock, where: str
) -> dict[str, Any]:
    judge = evaluation.Evaluation(parts, path, where)
    encoders = {"trained": encoder, "untrained": parts.encoder().to(where)}
    scores = seconds("evaluation", lambda: judge.test(test, encoders, mean))
    scores["targets"] = judge.targets(parts.config.evaluate.targets, encoder)
    folder.write_scores(path, scores, seconds.spent)
    report.write_report(path)
    return {**scores, "seconds": seconds.spent, "folder": str(path)}


@alone()
def evaluate(path: Path | str, *, targets: Sequence[str | Path] = (), jobs: int = 1, device: str = "cpu") -> dict[str, Any]:
    """Score a finished run's encoder anew, on its test fold and on recordings, and rewrite its scores and report."""
    run_folder, where = folder.existing(path), devices.choose(device)
    cfg = configs.load(run_folder / "config.yaml")
    if targets:
        cfg.evaluate.targets = [str(Path(target).resolve()) for target in targets]
    check_folder(run_folder)
    parts = Parts(cfg)
    for target in cfg.evaluate.targets:
        recordings.load_for(parts.synth, target)
    parts.check()
    encoder = folder.load_encoder(run_folder, parts.encoder()).to(where).eval()
    nu = designs.drawn(parts.synth, cfg.data, cfg.seed)
    with claimed(run_folder):
        test = columns.prepare(parts, nu, Store(), jobs, where, ["test"])["test"]
        return _evaluate(parts, run_folder, encoder, test, nu["train"].mean(0), folder.Clock(run_folder), where)
