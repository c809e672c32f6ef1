"""Sounds that an encoder cannot tell apart."""

from __future__ import annotations

import hashlib

from torch import Tensor

from ..system import progress
from .columns import Fold


def tell(fold: Fold) -> None:
    """Warn of training sounds whose inputs are those of others."""
    if count := alike(fold.columns["inputs"], fold.nu):
        told = "%d of %d training sounds are to the encoder what another one is: nothing can tell their parameters apart."
        progress.log.warning(told, count, len(fold))


def alike(inputs: Tensor, nu: Tensor) -> int:
    """How many rows of inputs [n, …] are, bit for bit, those of another one, although their ν [n, P] is not."""
    marks = [hashlib.blake2b(row.contiguous().numpy(), digest_size=16).digest() for row in inputs]
    return len(set(zip(marks, map(tuple, nu.tolist()), strict=True))) - len(set(marks))
