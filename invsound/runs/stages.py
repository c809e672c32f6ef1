"""The options of a run's stages: drawing sounds, training, evaluating."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import did_you_mean
from ..hooks.bounds import check_bounds, option, seed_option

AUGMENT = ("speed", "room", "equalizer", "noise", "cut", "level")
"""The effects of data.augment, which needs torch."""


@dataclass
class Data:
    """Which sounds are drawn.

    design: random, sobol, grid, paper or csv
    train: sounds to learn from, two or more (null: all that the design has)
    val: sounds that decide when to stop
    test: sounds the scores are computed on
    augment: what training and validation sounds meet before the encoder hears them: some of speed, room, equalizer, noise, cut, level
    fresh: every epoch draws new training sounds (random, sobol) or augments recordings anew, prepared while the epoch before is learned
    csv: the table, for design=csv: columns named as the parameters, and optionally fold, and sound, recordings beside the table
    seed: of the draw (null: that of the run); given, all seeds of a sweep hear the same sounds, which are then prepared once
    """

    design: str = option("random", choices=("random", "sobol", "grid", "paper", "csv"))
    train: int | None = option(256, low=2, high=10**7)
    val: int | None = option(32, low=1, high=10**7)
    test: int | None = option(32, low=1, high=10**7)
    augment: list[str] = field(default_factory=list)
    fresh: bool = False
    csv: str | None = None
    seed: int | None = seed_option(None)

    def __post_init__(self) -> None:
        if unknown := [name for name in self.augment if name not in AUGMENT]:
            raise ValueError(f"augment has no {unknown[0]!r}.{did_you_mean(unknown[0], AUGMENT)} Available: {', '.join(AUGMENT)}.")


@dataclass
class Pretrain:
    """Another loss for the first epochs.

    loss: its name (null: none); the loss of the run takes over the encoder that was kept, with a fresh optimizer
    epochs: how many of train.epochs (null: half of them)
    options: its options
    """

    loss: str | None = None
    epochs: int | None = option(None, low=1, high=100_000)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Train:
    """How the encoder is trained.

    epochs: passes over the training sounds, those of pretraining included
    batch: sounds per step, two or more, for a batch norm has no variance of one; one that is left over joins the last step
    examples: sounds drawn per epoch (null: all of them)
    plateau: epochs without improvement after which the learning rate is multiplied by 0.1 (null: never)
    cosine: lower the learning rate along half a cosine, to 0 at the end of each loss's epochs
    clip: limit of the gradient (null: not clipped)
    clip_by: what is limited: norm (of the whole), value (each entry) or sign (each entry becomes ± clip)
    keep: the encoder that is kept: best (lowest validation loss) or last
    pretrain: another loss for the first epochs
    log: loggers that are told of each epoch, besides metrics.jsonl
    log_options: options of loggers, by their names
    start: a finished run whose encoder is trained further (null: fresh weights); {seed} in it stands for the seed of this run
    devices: devices that learn from each batch together, by a process for each; of a CPU they are cores
    strategy: how, as lightning-fabric names it: ddp, or ddp_find_unused_parameters_true where a step uses a part of the weights
    precision: of the encoder's products: 32-true, or bf16-mixed, in which its weights and the loss stay in single precision
    batch_norm: mean and variance of a batch, over all devices (global, as one device has them) or over each device's part (local)
    """

    epochs: int = option(60, low=0, high=100_000)
    batch: int = option(32, low=2, high=65_536)
    examples: int | None = option(None, low=2, high=10**7)
    plateau: int | None = option(None, low=1, high=100_000)
    cosine: bool = False
    clip: float | None = option(None, above=0, high=1e12)
    clip_by: str = option("norm", choices=("norm", "value", "sign"))
    keep: str = option("best", choices=("best", "last"))
    pretrain: Pretrain = field(default_factory=Pretrain)
    log: list[str] = field(default_factory=list)
    log_options: dict[str, Any] = field(default_factory=dict)
    start: str | None = None
    devices: int = option(1, low=1, high=1024)
    strategy: str = option("ddp", choices=("ddp", "ddp_find_unused_parameters_true"))
    precision: str = option("32-true", choices=("32-true", "bf16-mixed"))
    batch_norm: str = option("global", choices=("global", "local"))

    def __post_init__(self) -> None:
        check_bounds(self)
        if self.clip is None and self.clip_by != "norm":
            raise ValueError(f"clip_by={self.clip_by} needs a limit: give clip=1 too")
        if self.cosine and self.plateau is not None:
            raise ValueError("cosine and plateau both set the learning rate: give plateau=null or cosine=false")

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
    sounds: int = option(6, low=0, high=10_000)
    targets: list[str] = field(default_factory=list)
