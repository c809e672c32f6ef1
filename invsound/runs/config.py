"""What a run is made of: the parts' names, and every option resolved to a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import InvsoundError, UsageError, did_you_mean
from ..hooks import options, registry
from ..hooks.bounds import SEEDS
from ..problem import ProblemOptions
from ..space import SpaceOptions
from .hints import check_names, hint, options_of
from .stages import Data, Evaluate, Pretrain, Train

PARTS = ("synth", "feature", "loss", "optimizer", "encoder")
STAGES = {"space": SpaceOptions, "problem": ProblemOptions, "data": Data, "train": Train, "evaluate": Evaluate}
DEFAULT_PARTS = {"loss": "ploss", "optimizer": "adam", "encoder": "cnn", "solver": "lm"}
"""What a part that is not named is: one that comes with invsound, whatever else is installed."""

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

    @property
    def draw(self) -> int:
        """The seed of the sounds."""
        return self.seed if self.data.seed is None else self.data.seed

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

    Raises UsageError for an unknown preset, part, key, or a value of the wrong type or out of bounds.
    """
    if preset not in PRESETS:
        raise UsageError(f"No preset named {preset!r}.{did_you_mean(preset, PRESETS)} Available: {', '.join(PRESETS)}.")
    merged = options.merge(PRESETS[preset], *layers)
    _check_keys(merged)
    parts = _parts(options.group(merged, "parts"))
    of = {kind: of_part(kind, parts[kind], options.group(merged, kind)) for kind in PARTS}
    given = {name: options.group(merged, name) for name in STAGES}
    pretrain = given["train"].pop("pretrain", None)
    stages = {name: options.resolve(cls, given[name], name) for name, cls in STAGES.items()}
    stages["train"].pretrain = _pretrain({} if pretrain is None else pretrain, stages["train"].epochs)
    stages["train"].log_options = _log_options(stages["train"])
    train, data, evaluate = stages["train"], stages["data"], stages["evaluate"]
    train.start, data.csv = (path if path is None else absolute(path) for path in (train.start, data.csv))
    evaluate.targets = [absolute(path) for path in evaluate.targets]
    return Config(parts, of, **stages, seed=_seed(merged.get("seed", 0)))


def absolute(path: str | Path) -> str:
    """A path that means the same from every working folder. Raises UsageError for one that no file can have."""
    try:
        return str(Path(path).resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"{str(path)!r} is no path of a file: {error}.") from error


def _check_keys(merged: Mapping[str, Any]) -> None:
    known = ("parts", *PARTS, *STAGES, "seed")
    for key, value in merged.items():
        if key not in known:
            parts = DEFAULT_PARTS | {kind: name for kind, name in options.group(merged, "parts").items() if isinstance(name, str)}
            parts = {kind: name for kind, name in parts.items() if kind in PARTS}
            said = hint(key, STAGES | options_of(parts), parts.get("synth"))
            raise UsageError(f"There is no option {key!r}.{said} Available: {', '.join(known)}.")
        if key in PARTS and not isinstance(value, Mapping):
            raise UsageError(f"{key} is a group of options, got {value!r}. Write {key}.option=value, or --{key} {value} for a part.")


def _seed(seed: Any) -> int:
    if not isinstance(seed, int) or isinstance(seed, bool) or SEEDS.fault(seed):
        raise UsageError(f"seed is a whole number, {SEEDS}, got {seed!r}.")
    return seed


def of_part(kind: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a part, resolved. Raises UsageError for a wrong one."""
    offer = registry.find(kind, name)
    cls = registry.load(offer)
    if kind == "synth":
        check_names(name, cls.Options, given)
    try:
        return options.as_dict(options.resolve(cls.Options, given, f"{kind} {name}"))
    except InvsoundError:
        raise
    except Exception as error:  # a stranger's dataclass may be of types that no option has
        raise InvsoundError(f"The {kind} {offer.label} has options that cannot be read. {type(error).__name__}: {error}") from error


def _pretrain(given: Any, epochs: int) -> Pretrain:
    if not isinstance(given, Mapping):
        raise UsageError(f"train.pretrain is a group of options, got {given!r}. Write train.pretrain.loss={given}.")
    made: Pretrain = options.resolve(Pretrain, given, "train.pretrain")
    if made.epochs is not None and not 1 <= made.epochs < max(epochs, 2):
        raise UsageError(f"train.pretrain.epochs are some of train.epochs={epochs}, from 1 to {max(epochs, 2) - 1}, got {made.epochs}.")
    if made.loss is None and (made.epochs is not None or made.options):
        raise UsageError("train.pretrain has options but no loss. Write train.pretrain.loss=NAME too.")
    if made.loss is not None:
        made.options = of_part("loss", made.loss, made.options)
    return made


def _log_options(train: Train) -> dict[str, Any]:
    """All options of every logger, resolved."""
    if len(set(train.log)) < len(train.log):
        raise UsageError(f"train.log names a logger twice: {', '.join(train.log)}. Name each once.")
    if stray := [name for name in train.log_options if name not in train.log]:
        raise UsageError(f"train.log_options has {', '.join(map(repr, stray))}, which train.log does not name: add it there.")
    return {name: of_part("logger", name, options.group(train.log_options, name)) for name in train.log}


def _parts(given: Mapping[str, Any]) -> dict[str, str]:
    for kind in given:
        if kind not in PARTS:
            raise UsageError(f"A run has no part of kind {kind!r}.{did_you_mean(kind, PARTS)} Kinds: {', '.join(PARTS)}.")
    return {kind: chosen(kind, given.get(kind)) for kind in PARTS}


def chosen(kind: str, name: Any = None) -> str:
    """The name of a part: the one given, else the default of its kind, else that of the only one there is.

    Raises UsageError, with a list of what is installed, for a name that nobody offers, and where there is a choice: no part is taken
    for having been installed.
    """
    offers = registry.offers(kind)
    if name is None and (default := DEFAULT_PARTS.get(kind)) is not None:
        return f"invsound:{default}" if sum(offer.part.name == default for offer in offers) > 1 else default
    if name is None and len(offers) == 1:
        return offers[0].part.name
    if name is None or not isinstance(name, (str, int)) or isinstance(name, bool) or not str(name):
        got = "" if name is None else f" {name!r} is no name."
        raise UsageError(f"Which {kind}?{got} Give --{kind} NAME. Installed: {registry.listing(kind)}")
    registry.find(kind, str(name))
    return str(name)


def load(path: Path) -> Config:
    """The Config of a run folder's config.yaml. Raises UsageError, which names the file, where that is none."""
    given = options.from_file(path)
    try:
        return resolve(given)
    except UsageError as error:
        raise UsageError(f"{str(path)!r}: {error}") from error
