"""What a synthesizer's space is made of: numbers, whole numbers of steps, and choices."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from .errors import UsageError, did_you_mean

BOOLEANS = {True: ("on", "true", "yes"), False: ("off", "false", "no")}
"""What YAML makes a truth value of."""


@dataclass(frozen=True)
class Parameter:
    """A number in the declared range `[low, high]` in `unit`, mapped to ν linearly or by log10.

    With `step` it is one of low, low + step, low + 2 step, … high.
    """

    name: str
    unit: str
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    doc: str = ""
    step: float | None = None

    width: ClassVar[int] = 1
    options: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.scale not in ("linear", "log"):
            raise ValueError(f"parameter {self.name!r}: scale is 'linear' or 'log', got {self.scale!r}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"parameter {self.name!r}: needs finite low < high, got {self.low} and {self.high}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"parameter {self.name!r}: a log scale needs low > 0, got {self.low}")
        if self.step is not None and not (0 < self.step <= self.high - self.low and self._is_whole(self.high)):
            raise ValueError(f"parameter {self.name!r}: a whole number of steps leads from low to high, got a step of {self.step}")

    @property
    def count(self) -> int:
        """How many values it has; 0 where they are not counted."""
        return round((self.high - self.low) / self.step) + 1 if self.step is not None else 0

    def number(self, given: float | str) -> float:
        """θ of a value as a user gives it: itself, or the bound or the step that it misses by rounding.

        Rounding is 1e-5 of the range, in log10 where that is the scale, of a step, or of itself. Raises UsageError for what is no number,
        out of bounds or between two steps.
        """
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            raise UsageError(f"{given!r} is no number. Choose between {self._range}.")
        value = float(given) if abs(given) < 1e300 else math.inf * (1 if given > 0 else -1)
        value = self._within(value)
        if self.step is None:
            return value
        nearest = self.low + round((value - self.low) / self.step) * self.step
        if abs(value - nearest) > 1e-5 * self.step and not math.isclose(value, nearest, rel_tol=1e-5):
            raise UsageError(f"{value:g} is between two steps of {self.step:g} from {self.low:g}. The nearest is {nearest:g}.")
        return nearest

    def said(self, theta: float) -> float | int:
        """The value as users read it; a whole number where low and step are whole."""
        whole = self.step is not None and float(self.step).is_integer() and float(self.low).is_integer()
        return round(theta) if whole else theta

    def as_dict(self) -> dict[str, Any]:
        """Its fields, JSON-ready; no step where there is none."""
        plain = asdict(self)
        return plain if self.step is not None else {key: value for key, value in plain.items() if key != "step"}

    def _within(self, value: float) -> float:
        end = min(max(value, self.low), self.high)
        if value == end:
            return value
        s = (lambda v: math.log10(v) if v > 0 else -math.inf) if self.scale == "log" else float
        near = math.isfinite(value) and abs(s(value) - s(end)) <= 1e-5 * (s(self.high) - s(self.low))
        if not near and not math.isclose(value, end, rel_tol=1e-5):
            raise UsageError(f"{value:g}{f' {self.unit}' if self.unit else ''} is out of bounds. Choose between {self._range}.")
        return end

    @property
    def _range(self) -> str:
        return f"{self.low:g} and {self.high:g}{f' {self.unit}' if self.unit else ''}"

    def _is_whole(self, value: float) -> bool:
        steps = (value - self.low) / (self.step or 1)
        return abs(steps - round(steps)) < 1e-6

    def __str__(self) -> str:
        """`omega (251.3–6283 rad/s, log)`."""
        unit, log = f" {self.unit}" if self.unit else "", ", log" if self.scale == "log" else ""
        return f"{self.name} ({self.low:.4g}–{self.high:.4g}{unit}{log}{f', step {self.step:g}' if self.step is not None else ''})"


@dataclass(frozen=True)
class Choice:
    """One of some named options: θ holds its index; in ν each option has a coordinate of its own, and the largest decides.

    Of a true ν the option's coordinate is 1 and the others' are −1.
    """

    name: str
    options: tuple[str, ...]
    doc: str = ""

    unit: ClassVar[str] = ""
    scale: ClassVar[str] = "choice"
    step: ClassVar[float] = 1.0
    low: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.options))
        named = all(isinstance(option, str) and option for option in self.options)
        if not named or len(set(self.options)) < max(2, len(self.options)):
            raise ValueError(
                f"choice {self.name!r}: needs two or more different names as options, got {', '.join(map(repr, self.options))}"
            )

    @property
    def high(self) -> float:
        """The last option's index."""
        return float(len(self.options) - 1)

    @property
    def width(self) -> int:
        """Coordinates in ν: one for each option."""
        return len(self.options)

    @property
    def count(self) -> int:
        """How many options there are."""
        return len(self.options)

    def number(self, given: float | str) -> float:
        """The index of an option's name. Raises UsageError for another name."""
        names = BOOLEANS[given] if isinstance(given, bool) else (str(given),)
        folded = [option.lower() for option in self.options]
        for index, option in enumerate(self.options):
            if option in names or (folded.count(option.lower()) == 1 and option.lower() in [name.lower() for name in names]):
                return float(index)
        raise UsageError(f"{given!r} is no option.{did_you_mean(str(given), self.options)} Available: {', '.join(self.options)}.")

    def said(self, theta: float) -> str:
        """The option's name."""
        return self.options[min(max(round(theta), 0), len(self.options) - 1)]

    def as_dict(self) -> dict[str, Any]:
        """Its fields, JSON-ready, as those of a `Parameter` of scale "choice" from 0 to the last index, and its options."""
        ends = {"name": self.name, "unit": self.unit, "low": self.low, "high": self.high, "scale": self.scale, "doc": self.doc}
        return ends | {"options": list(self.options)}

    def __str__(self) -> str:
        """`wave (saw, square or sine)`."""
        return f"{self.name} ({', '.join(self.options[:-1])} or {self.options[-1]})"
