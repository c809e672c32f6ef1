"""What becomes of the quadratic form far from the truth."""

from __future__ import annotations

from torch import Tensor

SHAPES = ("quadratic", "root", "saturating")


def shaped(kind: str, q: Tensor, c: Tensor) -> Tensor:
    """φ(q) of a form q ≥ 0 that is trusted up to the value c: monotone, φ(0) = 0 and φ′(0) = 1, whatever c is.

    quadratic: q; root: c (√(1 + 2q/c) − 1), which goes on as √(2cq); saturating: q / (1 + q/c), below c.
    """
    if kind == "root":
        return 2 * q / (1 + (1 + 2 * q / c).sqrt())
    return q / (1 + q / c) if kind == "saturating" else q
