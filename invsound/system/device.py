"""Choosing where to compute."""

from __future__ import annotations

import torch

from ..errors import UsageError


def choose(name: str) -> str:
    """A usable device from its name; "auto" is a GPU if there is one. Raises UsageError for an unknown or absent device."""
    available = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))] + (["mps"] if torch.backends.mps.is_available() else [])
    if name == "auto":
        return "cuda:0" if "cuda:0" in available else "cpu"
    chosen = "cuda:0" if name == "cuda" else name
    if chosen not in available:
        raise UsageError(f"There is no device {name!r} here. Available: {', '.join(available)}, auto.")
    return chosen
