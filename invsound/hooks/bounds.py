"""The values that an option takes, stated where it is declared: `epochs: int = option(60, low=0, high=100_000)`."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KEY = "invsound"


@dataclass(frozen=True)
class Bounds:
    """Numbers are finite and in [low, high], or above `above` and below `below`; texts are among `choices`; null is always right.

    What is in lists and mappings is held to the same; a text holds no NUL, for no file name does.
    """

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""

    def fault(self, value: Any) -> str:
        """What `value` should be and is not; empty where nothing is wrong with it."""
        if isinstance(value, Mapping):
            return next(filter(None, map(self.fault, value.values())), "")
        if isinstance(value, (list, tuple)):
            return next(filter(None, map(self.fault, value)), "")
        if isinstance(value, str):
            return str(self) if self.choices and value not in self.choices else "without NUL" * ("\0" in value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return ""
        if not (isinstance(value, int) or math.isfinite(value)):
            return str(self) or "finite"
        return "" if self._holds(value) else str(self)

    def _holds(self, value: float) -> bool:
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        """`2 to 65536`, `above 0 and at most 1 s`, `'best' or 'last'`; empty where nothing was stated."""
        ends = (("at least", self.low), ("above", self.above), ("at most", self.high), ("below", self.below))
        numbers = " and ".join(f"{word} {end:.10g}" for word, end in ends if end is not None)
        if self.low is not None and self.high is not None:
            numbers = f"{self.low:.10g} to {self.high:.10g}"
        numbers += f" {self.unit}" if numbers and self.unit else ""
        return " or ".join([*map(repr, self.choices), *filter(None, [numbers])])


def option(
    default: Any = dataclasses.MISSING, *, low: float | None = None, high: float | None = None, above: float | None = None,
    below: float | None = None, choices: Sequence[str] = (), unit: str = "",
) -> Any:  # fmt: skip
    """A field of an options dataclass, with its bounds: they are checked before the dataclass is made, and printed in its help.

    Numbers are in [low, high], or above `above` and below `below`, in `unit`; texts are among `choices`; both may be given, for a field
    that takes either. They hold for every item of a list. A default that is a list or a mapping is copied for every instance.
    """
    metadata = {KEY: Bounds(low, high, above, below, tuple(choices), unit)}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: copy.deepcopy(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


SEEDS = Bounds(0, 2**31 - 1)


def seed_option(default: int | None = 0) -> Any:
    """A field for the seed of a random generator."""
    return option(default, low=SEEDS.low, high=SEEDS.high)


def bounds(cls: type, name: str) -> Bounds:
    """The bounds of an option; a class that changes the default of its base keeps them. Numbers of a plain field need be finite."""
    for base in cls.__mro__:
        field = vars(base).get("__dataclass_fields__", {}).get(name)
        if field is not None and KEY in field.metadata:
            found: Bounds = field.metadata[KEY]
            return found
    return Bounds()


def default(field: dataclasses.Field[Any]) -> Any:
    """A field's default value."""
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def fault(cls: type, field: dataclasses.Field[Any], value: Any) -> str:
    """What an option's value should be and is not; a default is what its author wants it to be."""
    return "" if repr(value) == repr(default(field)) else bounds(cls, field.name).fault(value)


def check_bounds(made: Any) -> None:
    """Raise ValueError for a value out of the bounds of its option: for the `__post_init__` of a dataclass that is also made by hand."""
    for field in dataclasses.fields(made):
        if wrong := fault(type(made), field, value := getattr(made, field.name)):
            raise ValueError(f"{field.name} is {wrong}, got {value!r}")
