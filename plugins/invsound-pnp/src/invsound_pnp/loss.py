"""The perceptual–neural–physical loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invsound import InvsoundError, Loss, Problem
from invsound.problem import volume

from .damping import Damping

DAMPINGS = ("adaptive", "scheduled", "constant")
MATRICES = ("identity", "diagonal", "mean")


@dataclass
class PNPOptions:
    """PNP.

    damping: λ is adaptive (after each validation), scheduled (geometric, to 1 in `epochs`) or constant
    initial: λ₀; null is (largest eigenvalue of any training M)²
    decay: adaptive: λ ← decay · λ when the undamped validation loss improved
    brake: adaptive: else λ ← min(brake · λ, λ₀)
    epochs: scheduled: epochs until λ = 1
    matrix: what λ multiplies: identity, diagonal (diag M, per example) or mean (the mean of the training M)
    volume: weigh each example by √(σ₁σ₂) of its M, relative to the training mean
    scale: common factor μ: a number (1e-10 as published), or auto: 1 / (mean tr(M)/P + λ)
    """

    damping: str = "adaptive"
    initial: float | None = None
    decay: float = 0.05
    brake: float = 1.0
    epochs: int = 20
    matrix: str = "identity"
    volume: bool = False
    scale: float | str = "auto"

    def __post_init__(self) -> None:
        if self.damping not in DAMPINGS:
            raise ValueError(f"damping is one of {', '.join(DAMPINGS)}, got {self.damping!r}")
        if self.matrix not in MATRICES:
            raise ValueError(f"matrix is one of {', '.join(MATRICES)}, got {self.matrix!r}")
        if self.initial is not None and not self.initial >= 0:
            raise ValueError(f"initial is a damping λ₀ ≥ 0 or null, got {self.initial}")
        if not 0 < self.decay <= 1 or not self.brake >= 1 or self.epochs < 1:
            raise ValueError(f"decay is in (0, 1], brake ≥ 1 and epochs ≥ 1, got {self.decay}, {self.brake} and {self.epochs}")
        if (isinstance(self.scale, str) and self.scale != "auto") or (not isinstance(self.scale, str) and not self.scale > 0):
            raise ValueError(f"scale is a number μ > 0 or 'auto', got {self.scale!r}")


class PNP(Loss):
    """PNP(ν̂, ν) = μ · ½ (ν̂ − ν)ᵀ (M + λD) (ν̂ − ν) with M = JᵀJ = RᵀR at the true ν; λ = 0 in `eval()`.

    Computed as ‖R(ν̂ − ν)‖², in float64: M itself, with a condition number of 1e15 on the drum, is never formed to be
    multiplied. Source: Han, Lostanlen & Lagrange, IEEE/ACM TASLP 2024.
    """

    Options = PNPOptions
    prepare_options = ()
    monitor = "damping"
    damping: Tensor
    initial: Tensor
    best: Tensor
    mean_trace: Tensor
    mean_volume: Tensor
    mean_metric: Tensor

    def __init__(self, problem: Problem, options: PNPOptions) -> None:
        super().__init__(problem, options)
        self.rule = Damping(options.damping, options.decay, options.brake, options.epochs)
        for name in ("damping", "initial"):
            self.register_buffer(name, torch.tensor(options.initial or 0.0, dtype=torch.float64))
        self.register_buffer("best", torch.tensor(torch.inf, dtype=torch.float64))
        for name in ("mean_trace", "mean_volume"):
            self.register_buffer(name, torch.ones((), dtype=torch.float64))
        self.register_buffer("mean_metric", torch.eye(len(problem.space), dtype=torch.float64))

    def prepare(self, nu: Tensor) -> Tensor:
        """R [B, P, P] in float64."""
        return self.problem.metric_factor(nu)

    def calibrate(self, side: Tensor) -> None:
        """λ₀, and the means over the training fold that scale the form. Raises InvsoundError if no sound reacts to any parameter."""
        singular = torch.linalg.svdvals(side)
        self.mean_trace.copy_(singular.square().sum(1).mean() / side.shape[-1])
        if not self.mean_trace > 0:
            raise InvsoundError(
                "Every Jacobian of the training fold is zero: the representation does not react to any parameter. Choose another feature."
            )
        self.mean_volume.copy_(volume(singular).mean().clamp_min(torch.finfo(torch.float64).tiny))
        self.mean_metric.copy_((side.mT @ side).mean(0))
        if self.options.initial is None:
            self.initial.fill_(float(singular.max()) ** 4)
        self.damping.copy_(self.initial)

    def forward(self, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
        e = (nu_hat - nu).double()
        form = 0.5 * (side @ e[:, :, None]).square().sum((1, 2))
        if self.training:
            form = form + 0.5 * self.damping * self._damper(e, side)
        if self.options.volume:
            form = form * volume(torch.linalg.svdvals(side)) / self.mean_volume
        return form * self._scale()

    def _damper(self, e: Tensor, side: Tensor) -> Tensor:
        """eᵀDe [B]."""
        if self.options.matrix == "diagonal":
            return (side.square().sum(1) * e.square()).sum(1)
        if self.options.matrix == "mean":
            return ((e @ self.mean_metric) * e).sum(1)
        return e.square().sum(1)

    def _scale(self) -> Tensor | float:
        if self.options.scale != "auto":
            return float(self.options.scale)
        unit = {"identity": torch.ones_like(self.mean_trace), "diagonal": self.mean_trace, "mean": self.mean_trace}[self.options.matrix]
        return 1 / (self.mean_trace + self.damping * unit) if self.training else 1 / self.mean_trace

    def adapt(self, validation_loss: float) -> None:
        damping = self.rule(float(self.damping), float(self.initial), validation_loss < float(self.best))
        self.damping.fill_(damping)
        self.best.fill_(min(validation_loss, float(self.best)))
