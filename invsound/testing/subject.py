"""The part under test: built small, and given inputs that fit it."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import UsageError
from ..hooks import bounds, registry
from ..hooks.registry import Offer
from ..signal import Signal
from ..synth import Synth
from . import toys

SIGNALS = tuple(Signal(8192, 2**k) for k in (11, 13, 15, 16))
"""What features, scores and encoders are checked on: the first that they can be built for."""

DTYPES = (torch.float32, torch.float64)


class Subject:
    """A part, its options, and rows of inputs.

    Options are the defaults, ⊕ the small ones, ⊕ `given`. The small ones are the part's class attribute `check_options`, a dict, if
    it has one; else `num_samples=1024` where there is such an option. Raises InvsoundError if the part cannot be built.
    """

    def __init__(self, offer: Offer, given: Mapping[str, Any] | None = None, signal: Signal | None = None) -> None:
        self.offer, self.kind, self.cls = offer, offer.kind, registry.load(offer)
        signals = SIGNALS if signal is None else (signal,)
        self.options = self._small() | dict(given or {})
        try:
            self.signal = self._fitting(signals)
        except UsageError:
            if "check_options" in dir(self.cls):
                raise
            self.options = dict(given or {})  # 1024 samples may be too few for it
            self.signal = self._fitting(signals)

    @property
    def label(self) -> str:
        return f"{self.kind} {self.offer.part.name}"

    def _small(self) -> dict[str, Any]:
        stated = getattr(self.cls, "check_options", None)
        if stated is not None:
            return dict(stated)
        sizes = [bounds.default(f) for f in dataclasses.fields(self.cls.Options) if f.name == "num_samples"]
        return {"num_samples": 1024} if sizes and isinstance(sizes[0], int) and sizes[0] > 1024 else {}

    def _fitting(self, signals: tuple[Signal, ...]) -> Signal:
        """The first signal that the part can be built for; a synth has its own."""
        for signal in signals[:-1]:
            try:
                self.build(signal)
                return signal
            except UsageError:  # the part says why it refuses, such as a sound too short for it
                continue
        self.build(signals[-1])
        return signals[-1]

    def build(self, signal: Signal | None = None, **context: Any) -> Any:
        """A fresh instance; `problem`, `params` and `folder` may be given."""
        context.setdefault("problem", toys.problem())
        context.setdefault("params", [torch.nn.Parameter(torch.zeros(3))])
        context.setdefault("folder", Path(tempfile.gettempdir(), "invsound-logger"))
        context |= {"signal": signal or self.signal, "num_outputs": 3}
        made = registry.build(self.kind, f"{self.offer.distribution}:{self.offer.part.name}", self.options, **context)
        if getattr(made, "nuisance", False):
            made.seed = 0  # of which it is a synth like any other
        return made

    @cached_property
    def instance(self) -> Any:
        """The one instance that laws without side effects share, in `eval()`."""
        made = self.build()
        return made.eval() if isinstance(made, torch.nn.Module) else made

    def rows_map(self, instance: Any) -> Callable[[Tensor], Tensor]:
        """The part as a map from rows [B, …] to rows: g, Φ, the encoder's front end, or a score of two sounds side by side."""
        if self.kind == "encoder":
            prepare: Callable[[Tensor], Tensor] = instance.prepare
            return prepare
        if self.kind == "score":
            return lambda pairs: instance(*pairs.chunk(2, 1))
        call: Callable[[Tensor], Tensor] = instance
        return call

    def rows(self, count: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
        """Inputs of `rows_map`: θ inside the space, sounds, or pairs of sounds."""
        if self.kind == "synth":
            theta: Tensor = self.instance.space.to_theta(self.nu(count, seed))
            return theta.to(dtype)
        sounds = noise(count, self.signal.num_samples, seed=seed)
        if self.kind == "score":
            sounds = torch.cat([sounds, noise(count, self.signal.num_samples, seed=seed + 100)], 1)
        return sounds.to(dtype)

    def nu(self, count: int, seed: int = 0) -> Tensor:
        """ν [count, W] in float64, away from the bounds."""
        space, nu = self.instance.space, inside(count, len(self.instance.space), seed)
        return space.at((nu + 1) / 2) if space.discrete else nu

    @cached_property
    def smooth(self) -> tuple[Callable[[Tensor], Tensor], Tensor, list[tuple[str, Tensor]]]:
        """A map to differentiate, a point, and named directions: a synth's continuous parameters in ν, three random ones of a feature."""
        if self.kind == "synth":
            synth: Synth = self.instance
            nu, space = self.nu(2), synth.space
            axes = _axes(nu)
            directions = [(f"parameter {p.name}", axes[block.start]) for p, block in zip(space, space.slices, strict=True) if not p.count]
            return lambda rows: synth(space.to_theta(rows)), nu, directions
        x = self.rows(2)
        return self.instance, x, [(f"random direction {k}", noise(*x.shape, seed=10 + k)) for k in range(3)]


def noise(*shape: int, seed: int = 0) -> Tensor:
    """White noise of standard deviation 0.3, float64."""
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def inside(count: int, P: int, seed: int = 0) -> Tensor:
    """Uniform in [−0.9, 0.9]^P, float64."""
    return torch.rand(count, P, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 1.8 - 0.9


def _axes(nu: Tensor) -> Tensor:
    return torch.eye(nu.shape[1], dtype=nu.dtype)[:, None].expand(-1, *nu.shape).contiguous()


def apart(a: Tensor, b: Tensor) -> float:
    """max |a − b| relative to max |b|; infinite where the shapes differ or a number is missing."""
    if a.shape != b.shape or not (a.isfinite().all() and b.isfinite().all()):
        return float("inf")
    difference = float((a - b).detach().abs().max()) if a.numel() else 0.0
    return difference / max(float(b.detach().abs().max()), 1e-30) if difference else 0.0


def bad_row(value: Tensor) -> int | None:
    """The first row that holds a NaN or an infinity."""
    rows = (~value.detach().reshape(len(value), -1).isfinite().all(1)).nonzero()
    return int(rows[0]) if len(rows) else None
