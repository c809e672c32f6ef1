"""Grains side by side in as few timelines as they need.

Timelines are concatenated and then added, which costs less than to add each grain to the whole, and has an order that does not depend
on the device: the same grains, the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def timelines(onsets: Sequence[int], size: int) -> list[list[int]]:
    """The numbers of the grains in each timeline, by onset; no two of one timeline overlap, and there are as many as sound at once."""
    lines: list[list[int]] = []
    for i in sorted(range(len(onsets)), key=lambda i: onsets[i]):
        free = next((line for line in lines if onsets[line[-1]] + size <= onsets[i]), None)
        if free is None:
            lines.append([i])
        else:
            free.append(i)
    return lines


def placed(grains: Tensor, onsets: Sequence[int], num_samples: int) -> Tensor:
    """Grains [B, k, n] that do not overlap, each from its onset on, in ascending order, with silence between them: [B, N].

    Raises ValueError where one begins before the last has ended, or ends after N.
    """
    pieces, end = [], 0
    for grain, onset in zip(grains.unbind(1), onsets, strict=True):
        if not end <= onset <= num_samples - grain.shape[1]:
            raise ValueError(f"a grain of {grain.shape[1]} samples from {onset} on has no room between {end} and {num_samples}")
        pieces += [grain.new_zeros(len(grain), onset - end), grain]
        end = onset + grain.shape[1]
    return torch.cat([*pieces, grains.new_zeros(len(grains), num_samples - end)], 1)
