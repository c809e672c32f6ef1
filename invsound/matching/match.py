"""What was found of one sound."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from ..hooks.objects import short
from ..pages import card
from ..table import Shown, Table


@dataclass(repr=False)
class Match(Shown):
    """What was found: named parameters with units and standard errors, of choices the option, and whether the sound determines them and
    whether they are at the end of their range, where the best value may lie beyond; the distance
    ‖Φ(x̂) − Φ(x)‖₂ and that of a typical random sound; gain and onset of the recording; both sounds; distinct other solutions;
    `space`, what the parameters are: name, unit, low, high, scale, doc, and the options of choices; `yardstick`, the name and the
    distance of the nearest other recording, where some were given; `own`, what the same search leaves of the synth's own sounds, the median
    distance in that of a random sound, where it was asked for; and `options`, those of the parts that are not at their defaults, as a
    command line takes them."""

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
    yardstick: dict[str, Any] | None = None
    own: float | None = None
    options: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the sounds, JSON-ready."""
        plain = asdict(self)
        for name in ("nu", "x", "x_hat"):
            del plain[name]
        return plain

    def table(self) -> Table:
        """A row for each parameter."""
        names = list(self.parameters)
        rest = {"determined": self.determined, "at the end of its range": self.at_bound}
        columns: dict[str, list[Any]] = {
            "parameter": names,
            "value": list(self.parameters.values()),
            "unit": [self.units[name] for name in names],
        }
        columns |= {"standard error": [self.standard_errors.get(name) for name in names]}
        columns |= {head: [values.get(name) for name in names] for head, values in rest.items()}
        distance = f"distance {self.distance:.3g}, of a typical random sound {self.random_distance:.3g}"
        return Table(f"{self.name} by {short(self.synth)}, {short(self.feature)}, {short(self.solver)}: {distance}", columns)

    def _repr_html_(self) -> str:
        return card.of_match(self.as_dict(), self.x.cpu().numpy(), self.x_hat.cpu().numpy())


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
