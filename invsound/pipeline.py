"""The method section as code: `run`, and its stages in their order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .data import columns, designs
from .errors import InvsoundError
from .evaluation import evaluation
from .hooks import options, registry
from .pages import record, report
from .runs import config as configs
from .runs import environment, folder
from .runs.config import Config
from .runs.inputs import Heard, Inputs, keep
from .runs.naming import flat
from .runs.parts import Parts
from .system import device as devices
from .system import progress
from .system.store import Store
from .training import checkpoint, start
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
    asked = options.from_overrides(overrides)
    if targets:
        asked = options.merge(asked, {"evaluate": {"targets": [str(path) for path in targets]}})
    layers: list[dict[str, Any]] = [options.from_file(Path(config)) if config else {}]
    layers += [{"parts": {kind: name for kind, name in named.items() if name}}, asked]
    resolved = configs.resolve(*layers, preset=preset)
    return begin(resolved, out, jobs=jobs, device=device, source=Path(config).parent if config else None, anew=_paths(asked))


def _paths(asked: dict[str, Any]) -> set[str]:
    """Every text that was asked for, as a path: what is named anew is read anew."""
    values = [item for value in flat(asked).values() for item in (value if isinstance(value, list) else [value])]
    return {configs.absolute(text) for text in values if isinstance(text, str) and "\0" not in text}


def begin(
    config: Config, out: Path | str | None = None, *, jobs: int = 1, device: str = "cpu", source: Path | None = None,
    anew: Collection[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """`run`, of options that are resolved already.

    `source` is the folder that they come from: if it is that of a run, what that run kept is read, but for the origins `anew`.
    """
    parts, inputs = Parts(config), Inputs(source, anew)
    heard = inputs.heard(parts.synth, config.evaluate.targets)  # one that cannot be read is said before hours of work, not after
    parts.check()
    table, nu = _drawn(parts, inputs)
    started = start.kept(config, source, anew)
    start.check(config, started)
    where = devices.choose(device)
    path = folder.create(out, config)
    if started:
        start.keep(started, path)
    keep(path, parts.synth, table, heard)
    return _run(parts, nu, path, heard, jobs, where)


def resume(path: Path | str, *, jobs: int = 1, device: str = "cpu") -> dict[str, Any]:
    """Go on with an interrupted run from its last shard and epoch; the result is that of an uninterrupted one.

    A run that is finished is left as it is, and what it found is returned; one that lacks a file, or has a damaged one, is scored again.
    """
    run_folder = folder.existing(path)
    parts, inputs = Parts(configs.load(run_folder / "config.yaml")), Inputs(run_folder)
    if _finished(parts, run_folder):
        progress.log.info("%s is finished: nothing is left to do. To score it anew: invsound evaluate %s", run_folder, run_folder)
        return {**record.scores(run_folder), "seconds": record.seconds(run_folder), "folder": str(run_folder)}
    heard = inputs.heard(parts.synth, [*parts.config.evaluate.targets, *inputs.origins])
    table, nu = _drawn(parts, inputs)
    keep(run_folder, parts.synth, table, heard)
    return _run(parts, nu, run_folder, heard, jobs, devices.choose(device))


def _finished(parts: Parts, path: Path) -> bool:
    """Whether training is at its end, and every file there and whole. Raises InvsoundError for a damaged checkpoint."""
    epochs, targets = parts.config.train.epochs, set(parts.config.evaluate.targets)
    if checkpoint.epochs(path) != epochs or not record.is_whole(path, trained=epochs > 0):
        return False
    try:
        folder.load_encoder(path, parts.encoder())
    except InvsoundError:
        return False
    return targets <= {target["file"] for target in record.scores(path)["targets"]}


def _drawn(parts: Parts, inputs: Inputs) -> tuple[tuple[str, Path] | None, dict[str, Tensor]]:
    """The origin of the run's table and where it is read, if it has one; and ν of every fold."""
    data = parts.config.data
    table = None if data.csv is None else (data.csv, inputs.table(data.csv))
    return table, designs.drawn(parts.synth, data if table is None else replace(data, csv=str(table[1])), parts.config.seed)


def _run(parts: Parts, nu: dict[str, Tensor], path: Path, heard: list[Heard], jobs: int, where: str) -> dict[str, Any]:
    seconds = folder.Clock(path)
    environment.write(path, parts.config, where)
    progress.log.info("Run folder: %s", path)
    folds = seconds("preparation", lambda: columns.prepare(parts, nu, Store(), jobs, where))
    trainer = _trainer(parts, path, where)
    encoder = seconds("training", lambda: trainer.fit(*(folds[name].at(parts.learned(folds[name].nu)) for name in ("train", "val"))))
    folder.save_encoder(path, encoder)
    return _evaluate(parts, path, encoder, folds["test"], nu["train"].mean(0), heard, seconds, where)


def _trainer(parts: Parts, path: Path, where: str) -> Trainer:
    cfg: Config = parts.config
    parts.to(where)

    def optimizer(params: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        made: torch.optim.Optimizer = registry.build("optimizer", cfg.parts["optimizer"], cfg.of["optimizer"], params=params)
        return made

    return Trainer(start.encoder(parts, path).to(where), parts.loss, optimizer, cfg.train, cfg.seed, path, parts.pretrain)


def _evaluate(
    parts: Parts, path: Path, encoder: Any, test: columns.Fold, mean: Tensor, heard: list[Heard], seconds: folder.Clock, where: str
) -> dict[str, Any]:
    judge = evaluation.Evaluation(parts, path, where)
    encoders = {"trained": encoder, "untrained": parts.encoder().to(where)}
    scores = seconds("evaluation", lambda: judge.test(test, encoders, mean))
    scores["targets"] = judge.targets(heard, encoder)
    folder.write_scores(path, scores, seconds.spent)
    report.write_report(path)
    return {**scores, "seconds": seconds.spent, "folder": str(path)}


def evaluate(path: Path | str, *, targets: Sequence[str | Path] = (), jobs: int = 1, device: str = "cpu") -> dict[str, Any]:
    """Score a finished run's encoder anew, on its test fold and on recordings, and rewrite its scores and report.

    `targets` come to those that the run has; one that it has already is read again. The others are as they were heard, wherever they are.
    """
    run_folder, where, new = folder.existing(path), devices.choose(device), [configs.absolute(target) for target in targets]
    parts, inputs = Parts(configs.load(run_folder / "config.yaml")), Inputs(run_folder, new)
    heard = inputs.heard(parts.synth, [*parts.config.evaluate.targets, *inputs.origins, *new])
    encoder = folder.load_encoder(run_folder, parts.encoder()).to(where).eval()
    table, nu = _drawn(parts, inputs)
    test = columns.prepare(parts, nu, Store(), jobs, where, ["test"])["test"]
    keep(run_folder, parts.synth, table, heard)
    return _evaluate(parts, run_folder, encoder, test, nu["train"].mean(0), heard, folder.Clock(run_folder), where)
