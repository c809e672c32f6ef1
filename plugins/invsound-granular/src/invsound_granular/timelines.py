"""Grains side by side in as few timelines as they need."""

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


def overlap_add(grains: Tensor, onsets: Sequence[int], lines: Sequence[Sequence[int]], num_samples: int) -> Tensor:
    """Grains [B, G, n], each from its onset on, summed: [B, N]. Raises ValueError where a grain ends after N.

    Timelines are concatenated and then added, in an order that does not depend on the device: the same grains, the same bits.
    """
    one = grains.unbind(1)
    rows = []
    for line in lines:
        pieces, end = [], 0
        for i in line:
            pieces += [grains.new_zeros(len(grains), onsets[i] - end), one[i]]
            end = onsets[i] + grains.shape[2]
        if end > num_samples:
            raise ValueError(f"a grain ends at sample {end}, after the last of {num_samples}")
        rows.append(torch.cat([*pieces, grains.new_zeros(len(grains), num_samples - end)], 1))
    return torch.stack(rows).sum(0)
