"""What a run is made of: the parts' names, and every option resolved to a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..hooks import options, registry
from ..errors import UsageError, did_you_mean
from ..problem import ProblemOptions
from ..space import SpaceOptions
from .stages import Data, Evaluate, Pretrain, Train

PARTS = ("synth", "feature", "loss", "optimizer", "encoder")
STAGES = {"space": SpaceOptions, "problem": ProblemOptions, "data": Data, "train": Train, "evaluate": Evaluate}
DEFAULT_PARTS = {"loss": "ploss", "optimizer": "adam", "encoder": "cnn"}

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {},
    "paper": {
        "parts": {"encoder": "efficientnet-b0"},
        "data": {"design": "paper", "train": None, "val": None, "test": None},
        "train": {"epochs": 70, "batch": 256, "examples": 25600, "plateau": 3},
    },
}


@dataclass(frozen=True)
class Config:
    """A run, resolved: `parts` names one part per kind, `of[kind]` its options as plain values."""

    parts: dict[str, str]
    of: dict[str, dict[str, Any]]
    space: SpaceOptions
    problem: ProblemOptions
    data: Data
    train: Train
    evaluate: Evaluate
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """What config.yaml holds; `resolve` of it gives the same Config."""
        stages = {name: options.as_dict(getattr(self, name)) for name in STAGES}
        return {"parts": dict(self.parts), **self.of, **stages, "seed": self.seed}

    def pretraining(self) -> Config:
        """The same run with the loss of its pretraining as its loss."""
        pretrain = self.train.pretrain
        assert pretrain.loss is not None
        return replace(self, parts=self.parts | {"loss": pretrain.loss}, of=self.of | {"loss": pretrain.options})


def resolve(*layers: Mapping[str, Any], preset: str = "quick") -> Config:
    """Preset ⊕ layers, the last one wins, checked against the dataclass of every part and stage.

    Raises UsageError for an unknown preset, part, key, or a value of the wrong type.
    """
    if preset not in PRESETS:
        raise UsageError(f"No preset named {preset!r}.{did_you_mean(preset, PRESETS)} Available: {', '.join(PRESETS)}.")
    merged = options.merge({"parts": DEFAULT_PARTS}, PRESETS[preset], *layers)
    known = ("parts", *PARTS, *STAGES, "seed")
    for key in merged:
        if key not in known:
            raise UsageError(f"There is no option {key!r}.{did_you_mean(key, known)} Available: {', '.join(known)}.")
        if key != "seed" and not isinstance(merged[key], Mapping):
            raise UsageError(
                f"{key} is a group of options, got {merged[key]!r}. Write {key}.option=value, or --{key} {merged[key]} for a part."
            )
    parts = _parts(merged["parts"])
    of = {kind: _options(kind, parts[kind], merged.get(kind, {})) for kind in PARTS}
    given = dict(merged.get("train", {}))
    pretrain = given.pop("pretrain", None) or {}
    stages = {name: options.resolve(cls, given if name == "train" else merged.get(name, {}), name) for name, cls in STAGES.items()}
    stages["train"].pretrain = _pretrain(pretrain, stages["train"].epochs)
    seed = merged.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**31:
        raise UsageError(f"seed is a whole number from 0 to {2**31 - 1}, got {seed!r}.")
    train, data, evaluate = stages["train"], stages["data"], stages["evaluate"]
    train.start, data.csv = (path if path is None else absolute(path) for path in (train.start, data.csv))
    evaluate.targets = [absolute(path) for path in evaluate.targets]
    return Config(parts, of, **stages, seed=seed)


def absolute(path: str | Path) -> str:
    """A path that means the same from every working folder. Raises UsageError for one that no file can have."""
    try:
        return str(Path(path).resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"{str(path)!r} is no path of a file: {error}.") from error


def _options(kind: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a part."""
    cls = registry.load(registry.find(kind, name))
    return options.as_dict(options.resolve(cls.Options, given, f"{kind} {name}"))


def _pretrain(given: Any, epochs: int) -> Pretrain:
    if not isinstance(given, Mapping):
        raise UsageError(f"train.pretrain is a group of options, got {given!r}. Write train.pretrain.loss={given}.")
    made: Pretrain = options.resolve(Pretrain, given, "train.pretrain")
    if made.epochs is not None and not 1 <= made.epochs < max(epochs, 2):
        raise UsageError(f"train.pretrain.epochs are some of train.epochs={epochs}, from 1 to {max(epochs, 2) - 1}, got {made.epochs}.")
    if made.loss is None and (made.epochs is not None or made.options):
        raise UsageError("train.pretrain has options but no loss. Write train.pretrain.loss=NAME too.")
    if made.loss is not None:
        made.options = _options("loss", made.loss, made.options)
    return made


def _parts(given: Mapping[str, Any]) -> dict[str, str]:
    for kind in given:
        if kind not in PARTS:
            raise UsageError(f"A run has no part of kind {kind!r}.{did_you_mean(kind, PARTS)} Kinds: {', '.join(PARTS)}.")
    parts = {}
    for kind in PARTS:
        name = given.get(kind) or next((o.part.name for o in registry.offers(kind)), None)
        if (kind == "synth" and not given.get(kind)) or name is None:
            available = ", ".join(o.label for o in registry.offers(kind)) or "none"
            raise UsageError(f"Which {kind}? Give --{kind} NAME. Installed: {available}.")
        parts[kind] = str(name)
    return parts


def load(path: Path) -> Config:
    """The Config of a run folder's config.yaml. Raises UsageError, which names the file, where that is none."""
    given = options.from_file(path)
    try:
        return resolve(given)
    except UsageError as error:
        raise UsageError(f"{str(path)!r}: {error}") from error
