"""Sounds that an encoder cannot tell apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ..data.columns import Fold
from ..data.rows import Column
from ..system import progress


def tell(fold: Fold) -> None:
    """Warn of training sounds whose inputs are those of others."""
    if count := alike(fold.columns["inputs"], fold.nu):
        told = "%d of %d training sounds are to the encoder what another one is: nothing can tell their parameters apart."
        progress.log.warning(told, count, len(fold))


def alike(inputs: Column, nu: Tensor) -> int:
    """How many rows of inputs [n, …] are, bit for bit, those of another one, although their ν [n, P] is not."""
    blocks = torch.arange(len(nu)).split(1024)
    heard, true = _marks((inputs[rows] for rows in blocks), len(nu)), _marks((nu[rows] for rows in blocks), len(nu))
    return len(np.unique(np.stack([heard, true], 1), axis=0)) - len(np.unique(heard))


def _marks(blocks: Iterable[Tensor], count: int) -> np.ndarray:
    """64 bits for each row, which differ where rows do."""
    digests = (hashlib.blake2b(row.contiguous().numpy(), digest_size=8).digest() for block in blocks for row in block)
    return np.fromiter((int.from_bytes(digest, "little") for digest in digests), np.uint64, count)
