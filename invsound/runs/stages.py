"""The options of a run's stages: drawing sounds, training, evaluating."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
    start: a finished run whose encoder is trained further (null: fresh weights); {seed} in it stands for the seed of this run
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
    start: str | None = None

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
