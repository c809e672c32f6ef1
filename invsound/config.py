"""What a run is made of: the parts' names, and every option resolved to a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import options, registry
from .errors import UsageError, did_you_mean
from .problem import ProblemOptions


@dataclass
class Data:
    """Which sounds are drawn.

    design: random, sobol, grid, paper or csv
    train: sounds to learn from (null: all that the design has)
    val: sounds that decide when to stop
    test: sounds the scores are computed on
    csv: the table, for design=csv: columns named as the parameters, and optionally fold
    """

    design: str = "random"
    train: int | None = 256
    val: int | None = 32
    test: int | None = 32
    csv: str | None = None


@dataclass
class Train:
    """How the encoder is trained.

    epochs: passes over the training sounds
    batch: sounds per step
    examples: sounds drawn per epoch (null: all of them)
    plateau: epochs without improvement after which the learning rate is multiplied by 0.1 (null: never)
    clip: largest norm of the gradient (null: not clipped)
    keep: the encoder that is kept: best (lowest validation loss) or last
    """

    epochs: int = 60
    batch: int = 32
    examples: int | None = None
    plateau: int | None = None
    clip: float | None = None
    keep: str = "best"

    def __post_init__(self) -> None:
        if self.keep not in ("best", "last"):
            raise ValueError(f"keep is 'best' or 'last', got {self.keep!r}")
        for name in ("batch", "examples", "plateau"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is at least 1, got {value}")
        if self.epochs < 0:
            raise ValueError(f"epochs is at least 0, got {self.epochs}")


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
STAGES = {"problem": ProblemOptions, "data": Data, "train": Train, "evaluate": Evaluate}
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
    problem: ProblemOptions
    data: Data
    train: Train
    evaluate: Evaluate
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """What config.yaml holds; `resolve` of it gives the same Config."""
        stages = {name: options.as_dict(getattr(self, name)) for name in STAGES}
        return {"parts": dict(self.parts), **self.of, **stages, "seed": self.seed}


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
    of = {}
    for kind in PARTS:
        cls = registry.load(registry.find(kind, parts[kind]))
        of[kind] = options.as_dict(options.resolve(cls.Options, merged.get(kind, {}), f"{kind} {parts[kind]}"))
    stages = {name: options.resolve(cls, merged.get(name, {}), name) for name, cls in STAGES.items()}
    seed = merged.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**31:
        raise UsageError(f"seed is a whole number from 0 to {2**31 - 1}, got {seed!r}.")
    return Config(parts, of, **stages, seed=seed)


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
