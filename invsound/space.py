"""The parameter space: names, units, bounds and scales; θ in physical units ↔ ν in [−1, 1]."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from .errors import UsageError, did_you_mean
from .hooks.bounds import check_bounds, option
from .parameter import Choice, Parameter
from .table import Shown, Table


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


class Space(Shown, Sequence["Parameter | Choice"]):
    """An ordered set of P parameters and the map between `theta` [..., P] (units) and `nu` [..., W] (dimensionless).

    A number has one coordinate: with s = log10 for log parameters and the identity otherwise,
    ν = 2 (s(θ) − s(low)) / (s(high) − s(low)) − 1;  if not `normalize`, ν = s(θ). Where it has steps, θ is the nearest of them.
    A choice has one coordinate in [−1, 1] for each option, the largest decides, and θ is its index; ν of a θ is 1 at the option and −1
    elsewhere. W = P where nothing is a choice.
    """

    def __init__(self, *parameters: Parameter | Choice, normalize: bool = True) -> None:
        self._parameters, self.normalize = parameters, normalize
        if len(set(self.names)) != len(parameters):
            raise ValueError(f"parameter names must differ, got {', '.join(self.names)}")

    def __len__(self) -> int:
        return len(self._parameters)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._parameters[index]

    def __iter__(self) -> Iterator[Parameter | Choice]:
        return iter(self._parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in the order of the last axis of θ."""
        return tuple(p.name for p in self._parameters)

    @cached_property
    def width(self) -> int:
        """W, the length of the last axis of ν."""
        return sum(p.width for p in self)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where each parameter's coordinates are in ν."""
        ends = itertools.accumulate((p.width for p in self), initial=0)
        return tuple(slice(start, stop) for start, stop in itertools.pairwise(ends))

    @cached_property
    def choices(self) -> tuple[int, ...]:
        """Which parameters are choices."""
        return tuple(index for index, p in enumerate(self) if p.options)

    @cached_property
    def discrete(self) -> tuple[int, ...]:
        """Which parameters are choices or have steps, so that θ has no derivative in their coordinates."""
        return tuple(index for index, p in enumerate(self) if p.count)

    @cached_property
    def continuous(self) -> Space:
        """The same space without steps: what is between them has a derivative."""
        return Space(*(p if isinstance(p, Choice) else replace(p, step=None) for p in self), normalize=self.normalize)

    def columns(self, which: Sequence[bool] | Tensor, device: torch.device | str | None = None) -> Tensor:
        """Which coordinates [..., W] belong to those of the parameters [..., P]."""
        which = torch.as_tensor(which)
        return which.bool().repeat_interleave(torch.tensor([p.width for p in self], device=which.device), -1).to(device)

    def _scaled_bounds(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Bounds [P] after log10 where declared, and which entries are log; dtype and device of `like`."""
        log = [p.scale == "log" for p in self]
        low = [math.log10(p.low) if p.scale == "log" else p.low for p in self]
        high = [math.log10(p.high) if p.scale == "log" else p.high for p in self]
        return like.new_tensor(low), like.new_tensor(high), torch.tensor(log, device=like.device)

    def to_theta(self, nu: Tensor) -> Tensor:
        """ν [..., W] → θ [..., P] in physical units; differentiable in continuous parameters, which are not clipped to their bounds."""
        low, high, log = self._scaled_bounds(nu)
        u = self._one_each(nu) if self.choices else nu
        s = low + (u + 1) / 2 * (high - low) if self.normalize else u
        # the exponent is masked first so that a large linear parameter cannot overflow in the branch not taken
        theta = torch.where(log, 10.0 ** torch.where(log, s, torch.zeros_like(s)), s)
        return self._on_steps(theta, nu) if self.discrete else theta

    def _one_each(self, nu: Tensor) -> Tensor:
        """[..., W] → [..., P]: the coordinate of numbers, of choices anything."""
        return torch.stack([nu[..., block.start] for block in self.slices], -1)

    def _on_steps(self, theta: Tensor, nu: Tensor) -> Tensor:
        """θ with its steps rounded to and the options' indices put in."""
        columns = list(theta.unbind(-1))
        for index in self.discrete:
            p = self[index]
            if p.options:
                columns[index] = nu[..., self.slices[index]].argmax(-1).to(theta)
            else:
                steps = torch.round((columns[index] - p.low) / p.step).clamp(0, p.count - 1)
                columns[index] = p.low + steps * p.step
        return torch.stack(columns, -1)

    def clipped(self, nu: Tensor) -> Tensor:
        """ν [..., W] → θ [..., P] in float64, within the declared bounds to the last bit: what results are written in."""
        theta = self.to_theta(nu.double())
        return theta.clamp(theta.new_tensor([p.low for p in self]), theta.new_tensor([p.high for p in self]))

    def to_nu(self, theta: Tensor) -> Tensor:
        """θ [..., P] in physical units → ν [..., W], the inverse of `to_theta`."""
        low, high, log = self._scaled_bounds(theta)
        s = torch.where(log, torch.where(log, theta, torch.ones_like(theta)).log10(), theta)
        u = 2 * (s - low) / (high - low) - 1 if self.normalize else s
        if not self.choices:
            return u
        blocks = zip(self, u.unbind(-1), theta.unbind(-1), strict=True)
        return torch.cat([_vertex(t, p.width) if p.options else one[..., None] for p, one, t in blocks], -1)

    def snapped(self, nu: Tensor) -> Tensor:
        """ν [..., W] with choices and steps as sharp as θ has them; what is continuous is left as it is."""
        if not self.discrete:
            return nu
        sharp = self.to_nu(self.to_theta(nu))
        return torch.where(self.columns([bool(p.count) for p in self], nu.device), sharp, nu)

    def at(self, share: Tensor) -> Tensor:
        """ν [..., W] of shares [..., P] in [0, 1) of each range: where they are uniform, so are ν, the steps and the options."""
        low, high = self.bounds(share)
        if not self.discrete:
            return low + share * (high - low)
        blocks = []
        for p, block, u in zip(self, self.slices, share.split(1, -1), strict=True):
            value = p.low + (u * p.count).floor().clamp(max=p.count - 1) * (p.step or 0)
            blocks.append(Space(p, normalize=self.normalize).to_nu(value) if p.count else low[block] + u * (high - low)[block])
        return torch.cat(blocks, -1)

    def bounds(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Least and greatest ν [W]: −1 and 1, or the scaled bounds of θ; dtype and device of `like`."""
        if self.normalize:
            one = like.new_ones(self.width)
            return -one, one
        low, high, _ = self._scaled_bounds(like)
        widths, choice = torch.tensor([p.width for p in self]), self.columns([bool(p.options) for p in self], like.device)
        return tuple(torch.where(choice, end, ends.repeat_interleave(widths.to(ends.device))) for end, ends in ((-1, low), (1, high)))  # type: ignore[return-value]

    def rescaled(self, options: SpaceOptions) -> Space:
        """The same parameters in other coordinates; itself where those are its own. Raises ValueError for log of a range from 0."""
        own = options.normalize == ("minmax" if self.normalize else "none")
        if own and all(p.options or options.scale in ("declared", p.scale) for p in self):
            return self
        scale = options.scale
        changed = [p if isinstance(p, Choice) or scale == "declared" else replace(p, scale=scale) for p in self]  # type: ignore[arg-type]
        return Space(*changed, normalize=options.normalize == "minmax")

    def values(self, given: Mapping[str, float | str]) -> Tensor:
        """θ [P] in float64 from named values; numbers not named are at mid-range, ν = 0, and of a choice it is the first option.

        A bound or a step to rounding is that. Raises UsageError for an unknown name or option, or a value out of bounds.
        """
        theta = self.to_theta(torch.stack(self.bounds(torch.zeros(1, dtype=torch.float64))).mean(0))
        for name, value in given.items():
            if name not in self.names:
                raise UsageError(f"No parameter named {name!r}.{did_you_mean(name, self.names)} Available: {self.describe()}.")
            index = self.names.index(name)
            try:
                theta[index] = self[index].number(value)
            except UsageError as error:
                raise UsageError(f"Parameter {name} = {error}") from None
        return theta

    def named(self, theta: Tensor) -> dict[str, float | int | str]:
        """name → value of θ [P]: options by name, whole numbers of steps as such."""
        return {p.name: p.said(value) for p, value in zip(self, theta.tolist(), strict=True)}

    def table(self) -> Table:
        """A row for each parameter."""
        columns = {"parameter": list(self.names)} | {key: [getattr(p, key) for p in self] for key in ("unit", "low", "high", "scale")}
        columns |= {"steps or options": [", ".join(p.options) or p.count or None for p in self], "meaning": [p.doc for p in self]}
        return Table(f"Space of {len(self)} parameters", columns)

    def describe(self) -> str:
        """`"omega (251.3–6283 rad/s, log), wave (saw or square)"`, for messages."""
        return ", ".join(map(str, self))


def _vertex(index: Tensor, width: int) -> Tensor:
    """1 at the index [...] and −1 elsewhere [..., width]."""
    options = torch.arange(width, device=index.device)
    return 2 * (index.round()[..., None] == options).to(index) - 1
