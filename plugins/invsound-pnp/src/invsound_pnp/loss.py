"""The perceptual–neural–physical loss."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from invsound import InvsoundError, Loss, Problem, check_bounds, option, volume

from .damping import Damping
from .metric import along, balanced, largest, smoothed, trace, typical_distance
from .shape import SHAPES, shaped

log = logging.getLogger("invsound")
DAMPINGS = ("adaptive", "scheduled", "constant")
MATRICES = ("identity", "diagonal", "mean", "own")


@dataclass
class PNPOptions:
    """PNP.

    damping: λ is adaptive (after each validation), scheduled (geometric, to 1 in `epochs`) or constant
    initial: λ₀; null is (largest eigenvalue of any training M)², or 1 with matrix=own
    decay: adaptive: λ ← decay · λ when the undamped validation loss improved
    brake: adaptive: else λ ← min(brake · λ, λ₀)
    epochs: scheduled: epochs until λ = 1
    matrix: what λ multiplies: identity, diagonal (diag M, per example), mean (of the training M) or own (largest eigenvalue, per example)
    volume: weigh each example by √(σ₁σ₂) of its M, relative to the training mean
    scale: common factor μ: a number (1e-10 as published), or auto: 1 / (mean tr(M)/W + λ)
    balance: divide each M by its trace, so that all examples pull alike
    shape: the form far from the truth: quadratic (as published), root (grows as the distance) or saturating (below ½ bound²)
    bound: the distance in Φ up to which root and saturating trust the form; null is the median between random sounds
    each: shape each eigen-direction of M by itself, so that one cannot drown the others
    radius: M is averaged over a cube around ν, of this half-width where ν is in [−1, 1]; 0 is M at ν
    samples: points of that cube, each a Jacobian to prepare
    """

    damping: str = option("adaptive", choices=DAMPINGS)
    initial: float | None = option(None, low=0, high=1e30)
    decay: float = option(0.05, above=0, high=1)
    brake: float = option(1.0, low=1, high=1e6)
    epochs: int = option(20, low=1, high=100_000)
    matrix: str = option("identity", choices=MATRICES)
    volume: bool = False
    scale: float | str = option("auto", above=0, high=1e30, choices=("auto",))
    balance: bool = False
    shape: str = option("quadratic", choices=SHAPES)
    bound: float | None = option(None, above=0, high=1e30)
    each: bool = False
    radius: float = option(0.0, low=0, high=2)
    samples: int = option(8, low=1, high=10_000)

    def __post_init__(self) -> None:
        check_bounds(self)


class PNP(Loss):
    """PNP(ν̂, ν) = μ · ½ (ν̂ − ν)ᵀ (M + λD) (ν̂ − ν) with M = JᵀJ = RᵀR at the true ν; λ = 0 in `eval()`.

    Computed as ‖R(ν̂ − ν)‖², in float64: M itself, with a condition number of 1e15 on the drum, is never formed to be
    multiplied. Source: Han, Lostanlen & Lagrange, IEEE/ACM TASLP 2024; balance, shape, each, radius and matrix=own are not in it.
    """

    Options = PNPOptions
    prepare_options = ("radius", "samples")
    monitor = "damping"
    damping: Tensor
    initial: Tensor
    best: Tensor
    mean_trace: Tensor
    mean_volume: Tensor
    mean_largest: Tensor
    mean_metric: Tensor
    trusted: Tensor

    def __init__(self, problem: Problem, options: PNPOptions) -> None:
        super().__init__(problem, options)
        self.rule = Damping(options.damping, options.decay, options.brake, options.epochs)
        starts = {"damping": options.initial or 0.0, "initial": options.initial or 0.0, "best": torch.inf}
        starts |= {"mean_trace": 1.0, "mean_volume": 1.0, "mean_largest": 1.0, "trusted": 0.5 * (options.bound or 1.0) ** 2}
        for name, value in starts.items():
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))
        self.register_buffer("mean_metric", torch.eye(problem.space.width, dtype=torch.float64))

    def prepare(self, nu: Tensor) -> Tensor:
        """R [B, W, W] in float64, of M or of its mean over the neighbourhood."""
        return (
            smoothed(self.problem, nu, self.options.radius, self.options.samples) if self.options.radius else self.problem.metric_factor(nu)
        )

    def calibrate(self, side: Tensor) -> None:
        """λ₀, and the means over the training fold that scale the form; a warning of what has no derivative in some sounds.

        Raises InvsoundError if no sound reacts to any parameter.
        """
        if not side.any():
            raise InvsoundError(f"Every Jacobian of the training fold is zero: there is nothing to learn from. {self.problem.remedy}")
        if still := self.problem.warning(self.problem.unmoved(side)):
            log.warning("Training sounds: %s", still)
        if self.options.shape != "quadratic" and self.options.bound is None:
            self.trusted.fill_(0.5 * typical_distance(self.problem, self.trusted) ** 2)
        R = self._balanced(side)
        form = shaped(self.options.shape, trace(side) / side.shape[-1], self.trusted.to(side.device))
        self.mean_trace.copy_((form / trace(side) if self.options.balance else form).mean())
        self.mean_volume.copy_(volume(torch.linalg.svdvals(side)).mean().clamp_min(torch.finfo(torch.float64).tiny))
        self.mean_largest.copy_(largest(R).mean())
        self.mean_metric.copy_((R.mT @ R).mean(0))
        if self.options.initial is None:
            self.initial.fill_(1.0 if self.options.matrix == "own" else float(largest(R).max()) ** 2)
        self.damping.copy_(self.initial)

    def _balanced(self, side: Tensor) -> Tensor:
        return balanced(side) if self.options.balance else side

    def forward(self, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
        e = (nu_hat - nu).double()
        form = self._form(e, side)
        if self.training:
            form = form + 0.5 * self.damping * self._damper(e, self._balanced(side))
        if self.options.volume:
            form = form * volume(torch.linalg.svdvals(side)) / self.mean_volume
        return form * self._scale()

    def _form(self, e: Tensor, side: Tensor) -> Tensor:
        """½ eᵀMe [B], shaped, and balanced."""
        parts = along(e, side) if self.options.each else 0.5 * (side @ e[:, :, None]).square().sum(1)
        form = shaped(self.options.shape, parts, self.trusted).sum(1)
        return form / trace(side) if self.options.balance else form

    def _damper(self, e: Tensor, R: Tensor) -> Tensor:
        """eᵀDe [B]."""
        if self.options.matrix == "diagonal":
            return (R.square().sum(1) * e.square()).sum(1)
        if self.options.matrix == "mean":
            return ((e @ self.mean_metric) * e).sum(1)
        return e.square().sum(1) * (largest(R) if self.options.matrix == "own" else 1)

    def _scale(self) -> Tensor | float:
        if self.options.scale != "auto":
            return float(self.options.scale)
        unit = {"identity": 1.0, "own": self.mean_largest}.get(self.options.matrix, self.mean_trace)
        return 1 / (self.mean_trace + self.damping * unit) if self.training else 1 / self.mean_trace

    def directions(self, nu_hat: Tensor, nu: Tensor, side: Tensor) -> Tensor:
        """½ σₖ (vₖᵀ(ν̂ − ν))² [B, W] along the eigenvectors vₖ of M: what the undamped quadratic form consists of."""
        return along((nu_hat - nu).double(), side)

    def adapt(self, validation_loss: float) -> None:
        damping = self.rule(float(self.damping), float(self.initial), validation_loss < float(self.best))
        self.damping.fill_(damping)
        self.best.fill_(min(validation_loss, float(self.best)))
