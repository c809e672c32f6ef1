"""What was found of one sound."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor


@dataclass
class Match:
    """What was found: named parameters with units and standard errors, of choices the option, and whether the sound determines them and
    whether they are at the end of their range, where the best value may lie beyond; the distance
    ‖Φ(x̂) − Φ(x)‖₂ and that of a typical random sound; gain and onset of the recording; both sounds; distinct other solutions;
    and `space`, what the parameters are: name, unit, low, high, scale, doc, and the options of choices."""

    name: str
    synth: str
    feature: str
    solver: str
    parameters: dict[str, float | int | str]
    units: dict[str, str]
    standard_errors: dict[str, float | None]
    determined: dict[str, bool]
    at_bound: dict[str, bool]
    distance: float
    random_distance: float
    converged: bool
    advice: str
    gain_db: float
    onset: float
    correlation: float
    notes: list[str]
    evaluations: int
    seconds: float
    history: list[tuple[int, float]]
    alternatives: list[dict[str, Any]]
    nu: Tensor
    x: Tensor
    x_hat: Tensor
    sample_rate: float
    space: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Everything but the sounds, JSON-ready."""
        plain = asdict(self)
        for name in ("nu", "x", "x_hat"):
            del plain[name]
        return plain


@dataclass(frozen=True)
class Nearest:
    """The nearest sound of a search so far: its named parameters, its distance and that of a typical random sound (0 until it is known),
    the sounds computed, and the seconds since the search began."""

    parameters: dict[str, float | int | str]
    distance: float
    random_distance: float
    evaluations: int
    seconds: float


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the midst of a search; `found` is the nearest sound until then."""

    def __init__(self, found: Match) -> None:
        super().__init__("the search was interrupted")
        self.found = found
