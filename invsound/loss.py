"""The training loss: how far ν̂ is from ν, one value per example."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from .hooks.culprit import ask

if TYPE_CHECKING:
    from .problem import Problem


class Loss(nn.Module, ABC):
    """A loss, built as `Loss(problem, options)` with an instance of its `Options` dataclass.

    What is costly and depends on the true ν only is computed once by `prepare`, stored by the core, and handed back to
    `forward` as `side`. State that adapts during training (a damping λ, say) is a buffer, so that checkpoints keep it.
    """

    Options: ClassVar[type]
    prepare_options: ClassVar[tuple[str, ...] | None] = None
    """Names of the options that `prepare` depends on, so that runs which differ in others share its column; None: all of them."""
    needs_gradient: ClassVar[bool] = False
    """Whether `forward` differentiates through the synthesizer."""
    monitor: str | None = None
    """Name of a scalar buffer worth a curve in the report, if any."""

    def __init__(self, problem: Problem, options: Any) -> None:
        super().__init__()
        self.problem, self.options = problem, options

    def prepare(self, nu: Tensor) -> Tensor:
        """True ν [B, P] → side [B, …], stored per example. "Nothing" is zero columns."""
        return nu.new_empty(len(nu), 0)

    def prepare_recorded(self, x: Tensor, end: Tensor) -> Tensor:
        """Sounds x [B, N] that were recorded → side [B, …], of a loss that compares sounds, whatever their parameters are.

        They are compared until the sample `end` [B] alone, by `invsound.until`: N, or fewer where a recording stops while it sounds.
        Other losses do not define it: they `prepare` what those parameters give.
        """
        raise NotImplementedError

    @property
    def compares_sounds(self) -> bool:
        """Whether it has a `prepare_recorded`."""
        return type(self).prepare_recorded is not Loss.prepare_recorded

    @property
    def prepares(self) -> bool:
        """Whether it has a `prepare` of its own: else nothing is stored for it."""
        return type(self).prepare is not Loss.prepare

    def calibrate(self, side: Tensor) -> None:
        """Called once with the side column of the whole training fold."""

    @abstractmethod
    def forward(self, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
        """ν̂ [B, P], true ν [B, P] and side [B, …] → loss [B]. In `eval()` the undamped metric."""

    def adapt(self, validation_loss: float) -> None:
        """Called after each validation with the mean of `forward` in `eval()`."""

    def directions(self, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
        """The squared distance split over orthogonal directions, steepest first [B, K]: curves of the report. K = 0 says nothing."""
        return nu.new_empty(len(nu), 0)


def valued(loss: Loss, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
    """The loss [B]. Raises InvsoundError naming the loss where that is not what it gives."""
    return ask(loss, loss, nu_hat, nu, side, shape=(len(nu),), precision=False)
