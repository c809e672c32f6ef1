"""How the damping λ moves from one validation to the next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Damping:
    """λ, λ₀, "did the undamped validation loss improve?" → the next λ.

    adaptive: decay · λ if it did, else min(brake · λ, λ₀), after Levenberg and Marquardt; scheduled: λ · λ₀^(−1/epochs), and not
    below 1; constant: λ.
    """

    kind: str
    decay: float
    brake: float
    epochs: int

    def __call__(self, damping: float, initial: float, improved: bool) -> float:
        if self.kind == "constant":
            return damping
        if self.kind == "scheduled":
            return max(1.0, damping * initial ** (-1 / self.epochs)) if initial > 1 else damping
        return self.decay * damping if improved else min(self.brake * damping, initial)
