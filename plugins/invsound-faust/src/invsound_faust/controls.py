"""Controls of a Faust interface: sliders, number entries, menus, checkboxes and buttons, and what they are as parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from invsound import Choice, Parameter

NUMBERS = ("hslider", "vslider", "nentry")
MENU = re.compile(r"^\s*(?:menu|radio)\s*\{(.*)\}\s*$", re.DOTALL)
ENTRY = re.compile(r"'((?:[^'\\]|\\.)*)'\s*:\s*([-+.\deE]+)")


@dataclass(frozen=True)
class Control:
    """One widget: its full `address`, the label, and its numbers; `meta` is what is written in brackets in the label."""

    kind: str
    address: str
    label: str
    init: float = 0.0
    low: float = 0.0
    high: float = 1.0
    step: float = 0.0
    meta: dict[str, str] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        """Whether it is pressed at the beginning of a sound, and released: a button, or what is called gate."""
        return self.kind == "button" or (self.label == "gate" and self.kind == "checkbox")

    @property
    def entries(self) -> dict[str, float]:
        """Option → value, of a menu, of radio buttons and of a checkbox."""
        if self.kind == "checkbox":
            return {"off": 0.0, "on": 1.0}
        inside = MENU.match(self.meta.get("style", ""))
        found = [(label.strip() or value, float(value)) for label, value in ENTRY.findall(inside[1])] if inside else []
        labels = [label for label, _ in found]
        return {label if labels.count(label) == 1 else f"{label} ({value:g})": value for label, value in found}

    def parameter(self, name: str, steps: int) -> Parameter | Choice | None:
        """What is to be found of it; None where there is one value only. A number of at most so many values has steps."""
        doc = self.meta.get("tooltip", "")
        if self.entries:
            return Choice(name, tuple(self.entries), doc) if len(self.entries) > 1 else None
        low, high = sorted((self.low, self.high))
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            return None
        whole = math.floor((high - low) / self.step + 1e-6) if self.step > 0 else 0
        stepped = 1 <= whole < steps
        scale = "log" if self.meta.get("scale") == "log" and low > 0 else "linear"
        end, step = (low + whole * self.step, self.step) if stepped else (high, None)
        return Parameter(name, self.meta.get("unit", "").strip(), low, end, scale, doc, step)

    def value(self, given: float | int | str) -> float:
        """What the program is told of a parameter's value."""
        return self.entries[given] if isinstance(given, str) else float(given)

    def number(self, given: Any, name: str, steps: int) -> float:
        """The same of what a user has fixed. Raises ValueError for no option, or what is out of bounds."""
        if self.held or (parameter := self.parameter(name, steps)) is None:
            if isinstance(given, bool) or not isinstance(given, (int, float)):
                raise ValueError(f"{given!r} is no number")
            return float(given)
        if isinstance(parameter, Choice):
            return self.value(parameter.said(parameter.number(given)))
        return parameter.number(given)


def controls(ui: list[dict[str, Any]]) -> dict[str, Control]:
    """name → control, in the order of the interface; the name is the label, and where two share it, with their groups before it.

    Paths differ: Faust refuses a program in which two do not.
    """
    found = list(_walk(ui))
    parts = {control.address: [_identifier(part) for part in control.address.strip("/").split("/")] for control in found}
    return {_shortest(parts, control.address): control for control in found}


def _walk(items: list[dict[str, Any]]) -> Iterator[Control]:
    for item in items:
        if "items" in item:
            yield from _walk(item["items"])
        elif item["type"] in (*NUMBERS, "checkbox", "button"):
            meta = {key: str(value) for entry in item.get("meta", []) for key, value in entry.items()}
            names = {"init": "init", "min": "low", "max": "high", "step": "step"}
            numbers = {names[key]: float(item[key]) for key in names if key in item}
            yield Control(item["type"], item["address"], item["label"], **numbers, meta=meta)


def _shortest(parts: dict[str, list[str]], address: str) -> str:
    """The end of a path that no other one has."""
    own = parts[address]
    for length in range(1, len(own) + 1):
        tail = own[-length:]
        if sum(other[-length:] == tail for other in parts.values()) == 1:
            break
    name = "_".join(tail)
    return f"_{name}" if name[0].isdigit() or name == "synth" else name


def _identifier(text: str) -> str:
    """A name that can be typed as name=value."""
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "_"
