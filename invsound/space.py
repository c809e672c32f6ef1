"""The parameter space: names, units, bounds and scales; θ in physical units ↔ ν in [−1, 1]."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .errors import UsageError, did_you_mean
from .hooks.bounds import check_bounds, option


@dataclass(frozen=True)
class Parameter:
    """One synthesizer parameter: its declared range `[low, high]` in `unit`, mapped to ν linearly or by log10."""

    name: str
    unit: str
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    doc: str = ""

    def __post_init__(self) -> None:
        if self.scale not in ("linear", "log"):
            raise ValueError(f"parameter {self.name!r}: scale is 'linear' or 'log', got {self.scale!r}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"parameter {self.name!r}: needs finite low < high, got {self.low} and {self.high}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"parameter {self.name!r}: a log scale needs low > 0, got {self.low}")

    def within(self, value: float) -> float:
        """`value`, or the bound that it misses by no more than rounding: 1e-5 of the range, in log10 where that is the scale, or of itself.

        Raises UsageError for a value out of bounds.
        """
        value = float(value) if abs(value) < 1e300 else math.inf * (1 if value > 0 else -1)
        end = min(max(value, self.low), self.high)
        if value == end:
            return value
        s = (lambda v: math.log10(v) if v > 0 else -math.inf) if self.scale == "log" else float
        near = math.isfinite(value) and abs(s(value) - s(end)) <= 1e-5 * (s(self.high) - s(self.low))
        if not near and not math.isclose(value, end, rel_tol=1e-5):
            unit = f" {self.unit}" if self.unit else ""
            raise UsageError(f"{value:g}{unit} is out of bounds. Choose between {self.low:g} and {self.high:g}{unit}.")
        return end


@dataclass
class SpaceOptions:
    """The coordinates ν that the encoder learns. Sounds and scores do not depend on them.

    scale: declared (log10 where the synth says so), log (log10 of every parameter) or linear (of none)
    normalize: minmax (the range becomes [−1, 1]) or none (ν is θ, or log10 θ, as it is)
    """

    scale: str = option("declared", choices=("declared", "log", "linear"))
    normalize: str = option("minmax", choices=("minmax", "none"))

    def __post_init__(self) -> None:
        check_bounds(self)


class Space(Sequence[Parameter]):
    """An ordered set of parameters and the map between `theta` [..., P] (units) and `nu` [..., P] (dimensionless).

    With s = log10 for log parameters and the identity otherwise,  ν = 2 (s(θ) − s(low)) / (s(high) − s(low)) − 1;
    if not `normalize`, ν = s(θ).
    """

    def __init__(self, *parameters: Parameter, normalize: bool = True) -> None:
        self._parameters, self.normalize = parameters, normalize
        if len(set(self.names)) != len(parameters):
            raise ValueError(f"parameter names must differ, got {', '.join(self.names)}")

    def __len__(self) -> int:
        return len(self._parameters)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._parameters[index]

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in the order of the last axis of θ and ν."""
        return tuple(p.name for p in self._parameters)

    def _scaled_bounds(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Bounds after log10 where declared, and which entries are log; dtype and device of `like`."""
        log = [p.scale == "log" for p in self]
        low = [math.log10(p.low) if p.scale == "log" else p.low for p in self]
        high = [math.log10(p.high) if p.scale == "log" else p.high for p in self]
        return like.new_tensor(low), like.new_tensor(high), torch.tensor(log, device=like.device)

    def to_theta(self, nu: Tensor) -> Tensor:
        """ν [..., P] → θ [..., P] in physical units; differentiable, and not clipped to the bounds."""
        low, high, log = self._scaled_bounds(nu)
        s = low + (nu + 1) / 2 * (high - low) if self.normalize else nu
        # the exponent is masked first so that a large linear parameter cannot overflow in the branch not taken
        return torch.where(log, 10.0 ** torch.where(log, s, torch.zeros_like(s)), s)

    def clipped(self, nu: Tensor) -> Tensor:
        """ν [..., P] → θ [..., P] in float64, within the declared bounds to the last bit: what results are written in."""
        theta = self.to_theta(nu.double())
        return theta.clamp(theta.new_tensor([p.low for p in self]), theta.new_tensor([p.high for p in self]))

    def to_nu(self, theta: Tensor) -> Tensor:
        """θ [..., P] in physical units → ν [..., P], the inverse of `to_theta`."""
        low, high, log = self._scaled_bounds(theta)
        s = torch.where(log, torch.where(log, theta, torch.ones_like(theta)).log10(), theta)
        return 2 * (s - low) / (high - low) - 1 if self.normalize else s

    def bounds(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Least and greatest ν [P]: −1 and 1, or the scaled bounds of θ; dtype and device of `like`."""
        low, high, _ = self._scaled_bounds(like)
        return (low, high) if not self.normalize else (-torch.ones_like(low), torch.ones_like(high))

    def rescaled(self, options: SpaceOptions) -> Space:
        """The same parameters in other coordinates; itself where those are its own. Raises ValueError for log of a range from 0."""
        own = options.normalize == ("minmax" if self.normalize else "none")
        if own and all(options.scale in ("declared", p.scale) for p in self):
            return self
        scales = [p.scale if options.scale == "declared" else options.scale for p in self]
        changed = [Parameter(p.name, p.unit, p.low, p.high, scale, p.doc) for p, scale in zip(self, scales, strict=True)]  # type: ignore[arg-type]
        return Space(*changed, normalize=options.normalize == "minmax")

    def values(self, given: dict[str, float]) -> Tensor:
        """θ [P] in float64 from named values; parameters not named are at mid-range, ν = 0.

        A bound to rounding is the bound. Raises UsageError for an unknown name or a value out of bounds.
        """
        theta = self.to_theta(torch.zeros(len(self), dtype=torch.float64))
        for name, value in given.items():
            if name not in self.names:
                raise UsageError(f"No parameter named {name!r}.{did_you_mean(name, self.names)} Available: {self.describe()}.")
            index = self.names.index(name)
            try:
                theta[index] = self[index].within(value)
            except UsageError as error:
                raise UsageError(f"Parameter {name} = {error}") from None
        return theta

    def describe(self) -> str:
        """`"omega (251.3–6283 rad/s, log), …"`, for messages."""
        return ", ".join(
            f"{p.name} ({p.low:.4g}–{p.high:.4g}{' ' + p.unit if p.unit else ''}{', log' if p.scale == 'log' else ''})" for p in self
        )
