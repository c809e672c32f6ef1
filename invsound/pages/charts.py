"""Small charts as inline SVG: a page's style sheet colours them, in light and in dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

NARROW = "\u202f"  # a narrow no-break space between thousands
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 26, 38  # margins around the plot; the font size is 12


def number(value: float | str, digits: int = 3) -> str:
    """`value` to so many significant digits: `0.0123`, `6 283`, `1.20 × 10⁻⁷`; a text is itself."""
    if isinstance(value, str):
        return value
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    plain = f"{value:,.{max(0, digits - 1 - power)}f}".replace(",", NARROW)
    return (plain if -4 < power < 6 else f"{mantissa} × {_power(power)}").replace("-", "−")


@dataclass(frozen=True)
class Scale:
    """One axis, linear or logarithmic: `scale(v)` is 0 at `low` and 1 at `high`; `whole` has ticks at integers only."""

    low: float
    high: float
    label: str = ""
    log: bool = False
    whole: bool = False

    @classmethod
    def of(cls, values: Iterable[float], label: str = "", log: bool = False, whole: bool = False, margin: float = 0.0) -> Scale:
        """From the least to the greatest finite (for log: positive) value, widened by a fraction `margin`, never of zero width."""
        v = np.array([x for x in values if math.isfinite(x) and (x > 0 or not log)] or [1.0, 2.0], dtype=float)
        v = np.log(v) if log else v
        half = max((v.max() - v.min()) * (0.5 + margin), 0.1 if log else 1e-6 * np.abs(v).max(), 1e-12)
        ends = (v.max() + v.min()) / 2 + np.array([-half, half])
        low, high = (np.exp(ends) if log else ends).tolist()
        return cls(low, high, label, log, whole)

    def __call__(self, values: Iterable[float]) -> np.ndarray:
        v = np.asarray(values, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(v / self.low) / math.log(self.high / self.low) if self.log else (v - self.low) / (self.high - self.low)

    def ticks(self) -> dict[float, str]:
        """A handful of round values inside the scale, and how they are written."""
        decades = math.log10(self.high / self.low) if self.log else 0.0
        candidates = self._powers(decades) if decades > 0.7 else self._steps()
        inside = [t for t in candidates if -1e-9 <= self([t])[0] <= 1 + 1e-9]
        scientific = decades >= 2.5 and not all(1e-3 <= t < 1e5 for t in inside)
        return {t: _power(round(math.log10(t))) if scientific else _plain(t) for t in inside}

    def _powers(self, decades: float) -> list[float]:
        step, factors = math.ceil(decades / 7), (1, 2, 5) if decades < 2.5 else (1,)
        first = math.floor(math.log10(self.low))
        return [f * 10.0**k for k in range(first, first + math.ceil(decades) + 2) for f in factors if k % step == 0]

    def _steps(self) -> list[float]:
        raw = max((self.high - self.low) / 5, 1.0 if self.whole else 0.0)
        power = 10.0 ** math.floor(math.log10(raw))
        step = power * next(f for f in (1, 2, 5, 10) if f * power >= raw * 0.999)
        return [k * step for k in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)]


def _power(exponent: int) -> str:
    return f"10{str(exponent).translate(SUPERSCRIPT)}" if exponent else "1"


def _plain(value: float) -> str:
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:,.6g}".replace(",", NARROW if abs(value) >= 1e4 else "").replace("-", "−")
    mantissa, exponent = f"{value:.5e}".split("e")
    return f"{float(mantissa):g}·{_power(int(exponent))}".replace("-", "−")


class Axes:
    """A plot of `width` × `height` user units, margins included; marks are added, then `svg(alt)` is the picture."""

    def __init__(self, x: Scale, y: Scale, width: float = 440, height: float = 280, right: float = RIGHT) -> None:
        self.x, self.y, self.size = x, y, (width, height)
        self.plot = (LEFT, TOP, width - LEFT - right, height - TOP - BOTTOM)
        self.marks: list[Markup] = []

    def at(self, x: Iterable[float], y: Iterable[float]) -> np.ndarray:
        """Positions [n, 2] in user units of the points whose both coordinates exist on their scales."""
        left, top, width, height = self.plot
        points = np.stack([left + width * self.x(x), top + height * (1 - self.y(y))], 1)
        return points[np.isfinite(points).all(1)]

    def line(self, x: Iterable[float], y: Iterable[float], style: str = "s0") -> Axes:
        path = "L".join(f"{a:.1f} {b:.1f}" for a, b in self.at(x, y))
        return self.add(f'<path class="line {style}" d="M{path}"/>') if path else self

    def points(self, x: Iterable[float], y: Iterable[float], style: str = "s0") -> Axes:
        # one path of zero-length strokes with round caps: a tenth of the size of as many circles
        path = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in self.at(x, y))
        return self.add(f'<path class="points {style}" d="{path}"/>') if path else self

    def stems(self, x: Sequence[float], low: Sequence[float], high: Sequence[float], style: str = "s0") -> Axes:
        """Vertical bars from `low` to `high`; both exist on the scale."""
        pairs = zip(self.at(x, low), self.at(x, high), strict=True)
        path = "".join(f"M{a:.1f} {b:.1f}V{c:.1f}" for (a, b), (_, c) in pairs)
        return self.add(f'<path class="stem {style}" d="{path}"/>')

    def image(self, png: str) -> Axes:
        """A picture (a data URI) that fills the plot, and a playhead that a player may move over it."""
        left, top, width, height = self.plot
        box = f'x="{left}" y="{top}" width="{width:g}" height="{height:g}"'
        self.add(f'<image {box} preserveAspectRatio="none" href="{png}"/>')
        return self.add(f'<path class="playhead" data-width="{width:g}" d="M{left} {top}v{height:g}"/>')

    def names(self, ends: Mapping[str, tuple[float, float]]) -> Axes:
        """Names written at the right of the lines that end at these points, moved apart where they would touch."""
        places = sorted((self.at([x], [y])[0][1], name, k) for k, (name, (x, y)) in enumerate(ends.items()))
        previous = -math.inf
        for y, name, k in places:
            previous = max(y, previous + 15)
            self.add(Markup('<text class="name s{}" x="{:g}" y="{:.1f}">{}</text>').format(k, sum(self.plot[::2]) + 6, previous + 4, name))
        return self

    def add(self, mark: str) -> Axes:
        self.marks.append(Markup(mark))
        return self

    def svg(self, alt: str) -> Markup:
        width, height = self.size
        head = f'<svg class="chart" role="img" viewBox="0 0 {width:g} {height:g}" aria-label="{escape(alt)}">'
        return Markup(head) + Markup("").join([*self._grid(), *self.marks]) + Markup("</svg>")

    def _grid(self) -> list[Markup]:
        left, top, width, height = self.plot
        foot, columns, rows = top + height, self.x.ticks(), self.y.ticks()
        grid = [Markup('<path class="frame" d="M{} {:g}h{:g}"/>').format(left, foot, width)]
        for text, x in zip(columns.values(), left + width * self.x([*columns]), strict=True):
            grid.append(Markup('<path class="frame" d="M{:.1f} {:g}v4"/>').format(x, foot))
            grid.append(Markup('<text text-anchor="middle" x="{:.1f}" y="{:g}">{}</text>').format(x, foot + 17, text))
        for text, y in zip(rows.values(), foot - height * self.y([*rows]), strict=True):
            grid.append(Markup('<path class="grid" d="M{} {:.1f}h{:g}"/>').format(left, y, width))
            grid.append(Markup('<text text-anchor="end" x="{}" y="{:.1f}">{}</text>').format(left - 7, y + 4, text))
        label = Markup('<text class="label" text-anchor="{}" x="{:g}" y="{:g}">{}</text>')
        return [*grid, label.format("end", left + width, foot + 33, self.x.label), label.format("start", 2, 13, self.y.label)]


def line_chart(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]], x_label: str, y_label: str, alt: str, log: bool = True
) -> Markup:
    """Named curves (x, y) over one another; several are named at their right ends. Values that a log axis lacks are left out."""
    x = Scale.of((v for xs, _ in series.values() for v in xs), x_label, whole=True)
    y = Scale.of((v for _, ys in series.values() for v in ys), y_label, log, margin=0.04)
    axes = Axes(x, y, right=RIGHT + 64 * (len(series) > 1))
    for k, (xs, ys) in enumerate(series.values()):
        axes.line(xs, ys, f"s{k}")
        if len(xs) == 1:
            axes.points(xs, ys, f"s{k}")
    ends = {
        name: (x.high, [v for v in ys if v > 0 or not log][-1]) for name, (_, ys) in series.items() if any(v > 0 or not log for v in ys)
    }
    return (axes.names(ends) if len(series) > 1 else axes).svg(alt)


def scatter_chart(true: Iterable[float], predicted: Iterable[float], label: str, scale: Scale, alt: str) -> Markup:
    """Estimated against true values on the same scale, square, with the line where they agree."""
    x, y = (Scale(scale.low, scale.high, f"{kind} {label}", scale.log) for kind in ("true", "estimated"))
    axes = Axes(x, y, 300, 300 + TOP + BOTTOM - LEFT - RIGHT)
    return axes.line([x.low, x.high], [x.low, x.high], "identity").points(true, predicted).svg(alt)
