"""The parts of a resolved run, built: each constructor takes the object before it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from torch import Tensor

from . import designs, registry
from .config import Config
from .encoder import Encoder
from .errors import InvsoundError, UsageError
from .feature import Feature
from .loss import Loss
from .problem import Problem
from .rng import forked
from .score import Score
from .synth import Synth


class Parts:
    """`Config` → synth → feature(synth.signal) → problem → loss(problem); an encoder and scores for the same signal."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def _build(self, kind: str, **context: Any) -> Any:
        return registry.build(kind, self.config.parts[kind], self.config.of[kind], **context)

    @cached_property
    def synth(self) -> Synth:
        return self._build("synth")  # type: ignore[no-any-return]

    @cached_property
    def feature(self) -> Feature:
        return self._build("feature", signal=self.synth.signal)  # type: ignore[no-any-return]

    @cached_property
    def problem(self) -> Problem:
        return Problem(self.synth, self.feature, self.config.problem)

    @cached_property
    def loss(self) -> Loss:
        loss: Loss = self._build("loss", problem=self.problem)
        if loss.needs_gradient and not self.synth.differentiable:
            names = self.config.parts
            raise UsageError(
                f"The loss {names['loss']!r} differentiates through the synth {names['synth']!r}, which is not differentiable. "
                "Choose a loss that does not: one on parameters alone, or on a prepared Jacobian (problem.jacobian=finite)."
            )
        return loss

    def encoder(self) -> Encoder:
        """A fresh encoder whose initial weights depend on the seed only."""
        with forked(self.config.seed, "weights"):
            return self._build("encoder", signal=self.synth.signal, num_outputs=len(self.synth.space))  # type: ignore[no-any-return]

    @cached_property
    def front_end(self) -> Encoder:
        """An encoder for its `prepare` only, which has no weights."""
        return self.encoder().eval()

    @cached_property
    def nu(self) -> dict[str, Tensor]:
        """ν [n, P] of the folds train, val and test, as the data options say."""
        data = self.config.data
        counts = {"train": data.train, "val": data.val, "test": data.test}
        drawn = designs.draw(self.synth, data.design, counts, self.config.seed, data.csv)
        for fold, rows in drawn.items():
            if not len(rows):
                raise InvsoundError(f"The fold {fold!r} is empty. Give it at least one sound: data.{fold}=8.")
        return drawn

    def check(self) -> None:
        """Raise now, before a folder is made and hours are spent, what building the parts and drawing ν would raise later."""
        _ = self.loss, self.front_end, self.scores, self.nu

    @cached_property
    def scores(self) -> dict[str, Score]:
        """name → score, in the order asked for."""
        names = self.config.evaluate.scores
        if names is None:
            names = [offer.part.name for offer in registry.offers("score")]
        return {name: registry.build("score", name, signal=self.synth.signal).eval() for name in names}

    def to(self, device: Any) -> Parts:
        """Move what computes to a device."""
        for module in (self.problem, self.loss, self.front_end, *self.scores.values()):
            module.to(device)
        return self
