"""What a run is made of: the parts' names, and every option resolved to a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from . import options, registry
from .errors import UsageError, did_you_mean
from .problem import ProblemOptions
from .space import SpaceOptions


@dataclass
class Data:
    """Which sounds are drawn.

    design: random, sobol, grid, paper or csv
    train: sounds to learn from (null: all that the design has)
    val: sounds that decide when to stop
    test: sounds the scores are computed on
    csv: the table, for design=csv: columns named as the parameters, and optionally fold
    seed: of the draw (null: that of the run); given, all seeds of a sweep hear the same sounds, which are then prepared once
    """

    design: str = "random"
    train: int | None = 256
    val: int | None = 32
    test: int | None = 32
    csv: str | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.seed is not None and not 0 <= self.seed < 2**31:
            raise ValueError(f"seed is a whole number from 0 to {2**31 - 1} or null, got {self.seed}")


@dataclass
class Pretrain:
    """Another loss for the first epochs.

    loss: its name (null: none); the loss of the run takes over the encoder that was kept, with a fresh optimizer
    epochs: how many of train.epochs (null: half of them)
    options: its options
    """

    loss: str | None = None
    epochs: int | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Train:
    """How the encoder is trained.

    epochs: passes over the training sounds, those of pretraining included
    batch: sounds per step
    examples: sounds drawn per epoch (null: all of them)
    plateau: epochs without improvement after which the learning rate is multiplied by 0.1 (null: never)
    cosine: lower the learning rate along half a cosine, to 0 at the end of each loss's epochs
    clip: limit of the gradient (null: not clipped)
    clip_by: what is limited: norm (of the whole), value (each entry) or sign (each entry becomes ± clip)
    keep: the encoder that is kept: best (lowest validation loss) or last
    pretrain: another loss for the first epochs
    """

    epochs: int = 60
    batch: int = 32
    examples: int | None = None
    plateau: int | None = None
    cosine: bool = False
    clip: float | None = None
    clip_by: str = "norm"
    keep: str = "best"
    pretrain: Pretrain = field(default_factory=Pretrain)

    def __post_init__(self) -> None:
        if self.keep not in ("best", "last"):
            raise ValueError(f"keep is 'best' or 'last', got {self.keep!r}")
        if self.clip_by not in ("norm", "value", "sign"):
            raise ValueError(f"clip_by is 'norm', 'value' or 'sign', got {self.clip_by!r}")
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f"clip is positive or null, got {self.clip}")
        if self.clip is None and self.clip_by != "norm":
            raise ValueError(f"clip_by={self.clip_by} needs a limit: give clip=1 too")
        for name in ("batch", "examples", "plateau"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is at least 1, got {value}")
        if self.cosine and self.plateau is not None:
            raise ValueError("cosine and plateau both set the learning rate: give plateau=null or cosine=false")
        if self.epochs < 0:
            raise ValueError(f"epochs is at least 0, got {self.epochs}")

    @property
    def pretraining(self) -> int:
        """Epochs of pretraining; 0 is none."""
        given = self.epochs // 2 if self.pretrain.epochs is None else self.pretrain.epochs
        return given if self.pretrain.loss else 0


@dataclass
class Evaluate:
    """What is reported at the end.

    scores: names of the scores (null: all that are installed)
    micro: also average each distance weighted by √(σ₁σ₂) of M: costs one Jacobian per test sound
    sounds: test sounds written as audio and shown in the report
    targets: recordings to be matched by the trained encoder
    """

    scores: list[str] | None = None
    micro: bool = True
    sounds: int = 6
    targets: list[str] = field(default_factory=list)


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
    train = dict(merged.get("train", {}))
    pretrain = train.pop("pretrain", None) or {}
    stages = {name: options.resolve(cls, train if name == "train" else merged.get(name, {}), name) for name, cls in STAGES.items()}
    stages["train"].pretrain = _pretrain(pretrain, stages["train"].epochs)
    seed = merged.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**31:
        raise UsageError(f"seed is a whole number from 0 to {2**31 - 1}, got {seed!r}.")
    return Config(parts, of, **stages, seed=seed)


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
    """The Config of a run folder's config.yaml."""
    return resolve(options.from_file(path))
