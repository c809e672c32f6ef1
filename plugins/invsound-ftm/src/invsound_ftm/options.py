"""What the drum and the string have in common for options."""

from __future__ import annotations

from dataclasses import dataclass

from invsound import SignalOptions, option


@dataclass
class ModalOptions(SignalOptions):
    """Options of a body that is struck at one point and heard at another.

    sample_rate: sample rate, Hz; more than twice the highest fundamental
    strike: where it is struck, as a fraction of its length; the rim is still
    pickup: where it is heard, as a fraction of its length
    """

    sample_rate: float = option(22050.0, above=2000, high=10**6, unit="Hz")
    num_samples: int = 65536
    strike: float = option(0.4, above=0, below=1)
    pickup: float = option(0.4, above=0, below=1)
