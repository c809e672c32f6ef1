"""The method section as code: `run`, `match`, and the stages in their order."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from . import audio, data, environment, evaluation, folder, matching, options, progress, registry, report
from . import config as configs
from . import device as devices
from .config import Config
from .errors import UsageError
from .matching import Match
from .parts import Parts
from .problem import Problem, ProblemOptions
from .store import Store
from .synth import Synth
from .train import Trainer


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
    layers += [{"parts": {kind: name for kind, name in named.items() if name}}, options.from_overrides(overrides)]
    if targets:
        layers.append({"evaluate": {"targets": [str(Path(path).resolve()) for path in targets]}})
    return begin(configs.resolve(*layers, preset=preset), out, jobs=jobs, device=device)


def begin(config: Config, out: Path | str | None = None, *, jobs: int = 1, device: str = "cpu") -> dict[str, Any]:
    """`run`, of options that are resolved already."""
    parts = Parts(config)
    for target in config.evaluate.targets:
        audio.load(target, parts.synth.signal, peak=parts.synth.peak)  # one that cannot be read is said before hours of work, not after
    parts.check()
    where = devices.choose(device)
    return _run(parts, folder.create(out, config), jobs, where)


def resume(path: Path | str, *, jobs: int = 1, device: str = "cpu") -> dict[str, Any]:
    """Go on with an interrupted run from its last shard and epoch; the result is that of an uninterrupted one."""
    run_folder = folder.existing(path)
    return _run(Parts(configs.load(run_folder / "config.yaml")), run_folder, jobs, devices.choose(device))


def _run(parts: Parts, path: Path, jobs: int, where: str) -> dict[str, Any]:
    seconds = folder.Clock(path)
    environment.write(path, parts.config, where)
    progress.log.info("Run folder: %s", path)
    folds = seconds("preparation", lambda: data.prepare(parts, Store(), jobs, where))
    trainer = _trainer(parts, path, where)
    encoder = seconds("training", lambda: trainer.fit(folds["train"], folds["val"]))
    folder.save_encoder(path, encoder)
    return _evaluate(parts, path, encoder, folds, seconds, where)


def _trainer(parts: Parts, path: Path, where: str) -> Trainer:
    cfg: Config = parts.config
    parts.to(where)

    def optimizer(params: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        made: torch.optim.Optimizer = registry.build("optimizer", cfg.parts["optimizer"], cfg.of["optimizer"], params=params)
        return made

    return Trainer(parts.encoder().to(where), parts.loss, optimizer, cfg.train, cfg.seed, path)


def _evaluate(parts: Parts, path: Path, encoder: Any, folds: dict[str, data.Fold], seconds: folder.Clock, where: str) -> dict[str, Any]:
    judge = evaluation.Evaluation(parts, path, where)
    encoders = {"trained": encoder, "untrained": parts.encoder().to(where)}
    scores = seconds("evaluation", lambda: judge.test(folds["test"], folds["train"], encoders))
    scores["targets"] = judge.targets(parts.config.evaluate.targets, encoder)
    folder.write_scores(path, scores, seconds.spent)
    report.write_report(path)
    return {**scores, "seconds": seconds.spent, "folder": str(path)}


def evaluate(path: Path | str, *, targets: Sequence[str | Path] = (), jobs: int = 1, device: str = "cpu") -> dict[str, Any]:
    """Score a finished run's encoder anew, on its test fold and on recordings, and rewrite its scores and report."""
    run_folder, where = folder.existing(path), devices.choose(device)
    cfg = configs.load(run_folder / "config.yaml")
    if targets:
        cfg.evaluate.targets = [str(Path(target).resolve()) for target in targets]
    parts = Parts(cfg)
    encoder = folder.load_encoder(run_folder, parts.encoder()).to(where).eval()
    folds = data.prepare(parts, Store(), jobs, where)
    return _evaluate(parts, run_folder, encoder, folds, folder.Clock(run_folder), where)


def _mono(x: torch.Tensor) -> torch.Tensor:
    x = torch.as_tensor(x).cpu()
    return x.reshape(-1, x.shape[-1]).mean(0)


def _recording(x: torch.Tensor | str | Path, sample_rate: float | None, synth: Synth) -> audio.Recording:
    if isinstance(x, (str, Path)):
        return evaluation.tell(audio.load(x, synth.signal, peak=synth.peak))
    if sample_rate is None:
        raise UsageError("A sound given as samples needs its sample_rate in Hz: match(x, 44100, synth=…, feature=…).")
    with tempfile.TemporaryDirectory() as scratch:
        return evaluation.tell(audio.load(audio.save(Path(scratch) / "samples.wav", _mono(x), sample_rate), synth.signal, peak=synth.peak))


def match(
    x: torch.Tensor | str | Path,
    sample_rate: float | None = None,
    *,
    synth: str,
    feature: str,
    solver: str = "lm",
    overrides: Sequence[str] = (),
    candidates: int = 256,
    starts: int = 4,
    budget: float | None = None,
    device: str = "cpu",
) -> Match:
    """Find the parameters of one sound: a file, or samples x [channels…, n] at `sample_rate` Hz.

    `candidates` random sounds and the synth's own guesses are compared in Φ; the nearest `starts` are handed to the solver,
    which stops after `budget` seconds. Overrides are "synth.…", "feature.…", "solver.…", "problem.…" and "seed". Raises UsageError for a
    wrong name, option or file.
    """
    start, where, given = time.perf_counter(), devices.choose(device), options.from_overrides(overrides)
    if unknown := set(given) - {"synth", "feature", "solver", "problem", "seed"}:
        raise UsageError(f"match has no option {min(unknown)!r}. Available: synth.…, feature.…, solver.…, problem.…, seed.")
    made = registry.build("synth", synth, given.get("synth", {}))
    how = options.resolve(ProblemOptions, given.get("problem", {}), "problem")
    problem = Problem(made, registry.build("feature", feature, given.get("feature", {}), signal=made.signal), how).to(where)
    found_by = registry.build("solver", solver, given.get("solver", {}))
    if found_by.needs_gradient and not made.differentiable:
        raise UsageError(f"The solver {solver!r} needs gradients, which the synth {synth!r} does not have. Choose one that does without.")
    recording = _recording(x, sample_rate, made)
    target = recording.x.to(where)
    solution, typical = matching.solve(
        problem, target, found_by,
        candidates=candidates, keep=starts, seed=given.get("seed", 0), budget=budget,
    )  # fmt: skip
    theta = made.space.to_theta(solution.nu.double()).tolist()
    return Match(
        synth, feature, solver, dict(zip(made.space.names, theta, strict=True)), {p.name: p.unit for p in made.space},
        solution.distance, typical, solution.converged, solution.advice, recording.notes, time.perf_counter() - start, solution.history,
        solution.nu.cpu(), recording.x, problem.render(solution.nu[None])[0].detach().cpu(), made.signal.sample_rate,
    )  # fmt: skip
