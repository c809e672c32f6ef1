"""The parts of a resolved run, built: each constructor takes the object before it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from ..encoder import Encoder
from ..errors import UsageError
from ..feature import Feature
from ..hooks import registry
from ..logger import Logger
from ..loss import Loss
from ..problem import Problem
from ..score import Score
from ..space import Space
from ..synth import Synth, sound, stated
from ..system.files import safe_name
from ..system.rng import forked
from .config import Config
from .stretched import Stretched


class Parts:
    """`Config` → synth → feature(synth.signal) → problem → loss(problem); an encoder and scores for the same signal."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._device: Any = None

    def _build(self, kind: str, **context: Any) -> Any:
        return registry.build(kind, self.config.parts[kind], self.config.of[kind], **context)

    @cached_property
    def synth(self) -> Synth:
        return stated(self._build("synth"))

    @cached_property
    def feature(self) -> Feature:
        return self._build("feature", signal=self.synth.signal)  # type: ignore[no-any-return]

    @cached_property
    def problem(self) -> Problem:
        return Problem(self.synth, self.feature, self.config.problem, self.space)

    @cached_property
    def space(self) -> Space:
        """The coordinates that are learned; sounds are drawn and scored in those of the synth."""
        try:
            return self.synth.space.rescaled(self.config.space)
        except ValueError as error:
            raise UsageError(f"space.scale={self.config.space.scale}: {error}. Choose declared or linear.") from error

    def learned(self, nu: Tensor) -> Tensor:
        """ν in the synth's coordinates → in those that are learned."""
        return nu if self.space is self.synth.space else self.space.to_nu(self.synth.space.to_theta(nu.double())).to(nu)

    def declared(self, nu: Tensor) -> Tensor:
        """ν in the coordinates that are learned → in the synth's."""
        return nu if self.space is self.synth.space else self.synth.space.to_nu(self.space.to_theta(nu.double())).to(nu)

    def render(self, nu: Tensor, seeds: Sequence[int] = ()) -> Tensor:
        """ν [B, W] in the synth's coordinates → audio x [B, N], each at its seed if there are any."""
        with self.synth.at(seeds) if seeds else nullcontext():
            return sound(self.synth, self.synth.space.to_theta(nu))

    @cached_property
    def loss(self) -> Loss:
        return self._loss(self.config)

    @cached_property
    def pretrain(self) -> Loss | None:
        """The loss of the first epochs, if it is another."""
        return self._loss(self.config.pretraining()) if self.config.train.pretraining else None

    def _loss(self, config: Config) -> Loss:
        loss: Loss = registry.build("loss", config.parts["loss"], config.of["loss"], problem=self.problem)
        if loss.needs_gradient and (steps := [self.space[index].name for index in self.space.discrete]):
            raise UsageError(
                f"The loss {config.parts['loss']!r} differentiates through the synth, and there is nothing to differentiate along "
                f"{', '.join(steps)}: choices and steps. Choose a loss that does not: one on parameters, or on a prepared Jacobian."
            )
        if loss.needs_gradient and not self.synth.differentiable:
            names = config.parts
            raise UsageError(
                f"The loss {names['loss']!r} differentiates through the synth {names['synth']!r}, which is not differentiable. "
                "Choose a loss that does not: one on parameters alone, or on a prepared Jacobian (problem.jacobian=finite)."
            )
        return loss

    def encoder(self) -> Encoder:
        """A fresh encoder whose initial weights depend on the seed only."""
        with forked(self.config.seed, "weights"):
            encoder: Encoder = self._build("encoder", signal=self.synth.signal, num_outputs=self.synth.space.width)
            encoder.space = self.synth.space
        return encoder if self.space.normalize else Stretched(encoder, self.space)

    def optimizer(self, params: list[Parameter]) -> Optimizer:
        """The optimizer of an encoder's weights."""
        return self._build("optimizer", params=params)  # type: ignore[no-any-return]

    @cached_property
    def front_end(self) -> Encoder:
        """An encoder for its `prepare` only, which has no weights."""
        return self.encoder().eval()

    def check(self) -> None:
        """Raise now, before a folder is made and hours are spent, what building the parts would raise later."""
        _ = self.loss, self.pretrain, self.scores, self.optimizer(list(self.front_end.parameters())), self.loggers(Path())

    def check_augment(self, recorded: bool) -> None:
        """Raises UsageError where sounds become others, whose parameters nobody knows, and a loss asks for them."""
        if "speed" not in self.config.data.augment:
            return
        losses = [loss for loss in (self.loss, self.pretrain) if loss is not None]
        if not (recorded and all(loss.compares_sounds for loss in losses)):
            raise UsageError(
                "data.augment: speed makes another sound, of parameters that nobody knows. Leave it out, or learn from recordings (the "
                "column 'sound' of a table) by a loss that compares sounds."
            )

    def loggers(self, folder: Path) -> list[Logger]:
        """The loggers of a run, each with a folder in this one."""
        made = self.config.train.log_options
        return [registry.build("logger", name, made[name], folder=folder / safe_name(name, "-_.")) for name in self.config.train.log]

    @cached_property
    def scores(self) -> dict[str, Score]:
        """name → score, in the order asked for."""
        return {name: registry.build("score", name, signal=self.synth.signal).eval() for name in self.score_names}

    @property
    def score_names(self) -> list[str]:
        """The scores asked for, else all that are installed."""
        if self.config.evaluate.scores is not None:
            return self.config.evaluate.scores
        return [f"{o.distribution}:{o.part.name}" if registry.rivals(o) else o.part.name for o in registry.offers("score")]

    def to(self, device: Any) -> Parts:
        """Move what computes to a device, unless it is there."""
        for module in (self.problem, self.loss, self.pretrain, self.front_end, *self.scores.values()) if device != self._device else ():
            if module is not None:
                module.to(device)
        self._device = device
        return self
