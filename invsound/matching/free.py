"""What is searched: the free parameters of a space, and where their coordinates are."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from ..space import Space


class Free:
    """Some of the parameters; their coordinates are u [F], those of ν [W] that the mask has."""

    def __init__(self, space: Space, names: list[str], device: str = "cpu") -> None:
        self.space = space
        self.indices = [index for index, name in enumerate(space.names) if name in names]
        self.mask = space.columns([name in names for name in space.names], device)
        """Which coordinates [W] are free."""
        self.parts = Space(*(space[index] for index in self.indices), normalize=space.normalize)
        """A space of the free parameters alone, whose ν are u."""

    @property
    def names(self) -> tuple[str, ...]:
        """The free parameters."""
        return self.parts.names

    @cached_property
    def numbers(self) -> Tensor:
        """Which coordinates [F] are numbers, and not options."""
        return self.parts.columns([not p.options for p in self.parts], self.mask.device)

    def each(self, u: Tensor, choice: float = 0) -> Tensor:
        """[F] → [n]: a value for each free parameter; that of a number is its coordinate's."""
        blocks = zip(self.parts, self.parts.slices, strict=True)
        return torch.stack([torch.full_like(u[0], choice) if p.options else u[block.start] for p, block in blocks])

    def rivals(self, J: Tensor, residual: Tensor) -> Tensor:
        """How far the target is from the nearest sound [n] that differs in one option alone, infinite for a number.

        J [D, F] has the secants of the options, and `residual` [D] is what remains at ν.
        """
        found = torch.full((len(self.indices),), torch.inf, dtype=torch.float64)
        for k, (p, block) in enumerate(zip(self.parts, self.parts.slices, strict=True)):
            if p.options:
                away = (residual.double()[:, None] + 2 * J[:, block].double()).norm(dim=0)
                own = J[:, block].any(0).logical_not().double().argmax()  # the column of zeros
                away[own] = torch.inf
                found[k] = away.min().cpu()
        return found
