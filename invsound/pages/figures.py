"""The figures of a report: each a picture and a caption that says what is seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from .charts import Axes, Scale, line_chart, number, scatter_chart

POINTS = 2000  # in a scatter plot, at most


@dataclass(frozen=True)
class Figure:
    picture: Markup
    caption: str


SAYS = {
    "gradient": "Norm of the gradient before clipping, how strongly the loss pulls at the network: the mean over the steps of each epoch.",
    "directions": "How wrong the encoder is where it is heard: half the squared distance from the truth along each eigenvector of M, "
    "from 1, along which the sound changes most, to the one along which it hardly changes; mean over the validation sounds.",
    "damping": "The damping λ of the loss: how far errors of the parameters count as such, beside what they sound like. It is large while "
    "errors are too large for M, the linear model of hearing, and small when that predicts what is heard.",
}
"""What training notes of every loss; a loss may name one thing more."""


def curves(epochs: list[dict[str, Any]]) -> list[Figure]:
    """The losses over the epochs, those of pretraining by themselves, then whatever else was noted."""
    before = [e for e in epochs if e.get("phase") == "pretraining"]
    after = [{"epoch": e["epoch"], "val_loss": e["handed_over"]} for e in before if "handed_over" in e]
    after += [e for e in epochs if e.get("phase") != "pretraining"]
    figures = [*_losses("loss in pretraining", before), *_losses("loss", after)]
    monitors = [{"epoch": e["epoch"]} | (e.get("monitor") or {}) for e in epochs]
    for name in dict.fromkeys(name for e in monitors for name in e if name != "epoch"):
        series = _monitored(name, monitors)
        if series:
            says = SAYS.get(name, "What the loss reports of itself after each epoch.")
            figures.append(_over_epochs(name, series, f"{says} {_told(series)}."))
    return figures


def _losses(label: str, epochs: list[dict[str, Any]]) -> list[Figure]:
    losses = {"training": _curve(epochs, "train_loss"), "validation": _curve(epochs, "val_loss")}
    losses = {name: curve for name, curve in losses.items() if curve[0]}
    begins = "; epoch 0 is before training" if epochs and epochs[0]["epoch"] == 0 else ""
    return [_over_epochs(label, losses, f"{label.capitalize()} after each epoch{begins}. {_told(losses)}.")] if losses else []


def _monitored(name: str, epochs: list[dict[str, Any]]) -> dict[str, tuple[list[float], list[float]]]:
    """One curve of a number, a curve for each place in a list."""
    rows = [{"epoch": e["epoch"]} | _placed(name, e[name]) for e in epochs if e.get(name) is not None]
    found = {key: _curve(rows, key) for key in dict.fromkeys(key for row in rows for key in row if key != "epoch")}
    return {key: curve for key, curve in found.items() if curve[0]}


def _placed(name: str, value: float | list[float]) -> dict[str, float]:
    return {f"{k}": v for k, v in enumerate(value, 1)} if isinstance(value, list) else {name: value}


def _curve(epochs: list[dict[str, Any]], key: str) -> tuple[list[float], list[float]]:
    pairs = [(float(e["epoch"]), float(e[key])) for e in epochs if e.get(key) is not None and math.isfinite(e[key])]
    return [epoch for epoch, _ in pairs], [value for _, value in pairs]


def _over_epochs(label: str, series: dict[str, tuple[list[float], list[float]]], caption: str) -> Figure:
    log = all(v > 0 for _, values in series.values() for v in values)
    return Figure(line_chart(series, "epoch", label, caption, log), caption)


def _told(series: dict[str, tuple[list[float], list[float]]]) -> str:
    return "; ".join(
        f"{name} from {number(v[0])} to {number(v[-1])}, lowest {number(min(v))}" for name, (_, v) in series.items()
    ).capitalize()


def scatters(space: list[dict[str, Any]], predictions: dict[str, np.ndarray]) -> list[Figure]:
    """Estimated against true values of each parameter, on the parameter's own scale; of a choice, a table of its options."""
    columns = [(p, predictions.get(f"true_{p['name']}"), predictions.get(f"predicted_{p['name']}")) for p in space]
    drawn = [(p, true, predicted) for p, true, predicted in columns if true is not None and predicted is not None]
    return [(_confusion if "options" in p else _scatter)(p, true, predicted) for p, true, predicted in drawn]


def _confusion(p: dict[str, Any], true: np.ndarray, predicted: np.ndarray) -> Figure:
    """How often each option was estimated, for each true one: a table of counts."""
    cell, head = Markup("<td{}>{}</td>"), Markup('<th scope="{}">{}</th>')
    rows = []
    for option in p["options"]:
        counts = [int(((true == option) & (predicted == other)).sum()) for other in p["options"]]
        marks = (Markup(' class="best"') if option == other else "" for other in p["options"])
        rows.append(Markup("<tr>{}{}</tr>").format(head.format("row", option), Markup("").join(map(cell.format, marks, counts))))
    heads = Markup("").join(head.format("col", option) for option in ("true", *p["options"]))
    frame = Markup('<div class="scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>')
    table = frame.format(heads, Markup("").join(rows))
    right = int((true == predicted).sum())
    return Figure(table, f"{p['name']}: {right} of {len(true)} options right; by chance {number(len(true) / len(p['options']))}.")


def _scatter(p: dict[str, Any], true: np.ndarray, predicted: np.ndarray) -> Figure:
    log, shown = p["scale"] == "log", slice(None, None, math.ceil(len(true) / POINTS))
    label = with_unit(p["name"], p["unit"])
    scale = Scale.of([p["low"], p["high"], *true, *predicted], log=log)
    fewer = f", {len(true[shown])} of them drawn" if len(true) > POINTS else ""
    caption = f"{p['name']}: {_correlation(scale(true), scale(predicted))}{len(true)} sounds{fewer}{', log axes' if log else ''}."
    return Figure(scatter_chart(true[shown], predicted[shown], label, scale, f"Estimated against true {caption}"), caption)


def _correlation(a: np.ndarray, b: np.ndarray) -> str:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return f"correlation {number(float(a @ b) / norm)} over " if norm > 1e-9 and math.isfinite(norm) else ""


def spectrum(eigenvalues: list[list[float]]) -> Figure | None:
    """Median and quartiles over the sounds of each eigenvalue of M, largest first; None where nothing is positive."""
    sigma = np.array(eigenvalues, dtype=float).reshape(max(1, len(eigenvalues)), -1)
    kept = [k for k in range(sigma.shape[1]) if (sigma[:, k] > 0).any()]
    if not kept:
        return None
    low, middle, high = np.array([np.quantile(sigma[sigma[:, k] > 0, k], [0.25, 0.5, 0.75]) for k in kept]).T
    order = [k + 1 for k in kept]
    axes = Axes(
        Scale(0.5, sigma.shape[1] + 0.5, "k, from the largest", whole=True),
        Scale.of([*low, *high], "eigenvalue σₖ of M", True, margin=0.06),
    )
    axes.stems(order, low, high).points(order, middle)
    ratio = f"; the largest is {number(middle[0] / middle[-1], 2)} times the smallest" if len(kept) > 1 else ""
    over = f"over {len(sigma)} sounds: medians (dots) and quartiles (bars){ratio}"
    caption = f"Eigenvalues of M, how strongly the sound reacts along each direction, {over}."
    return Figure(axes.svg(caption), caption)


def with_unit(name: str, unit: str) -> str:
    """`"omega (rad/s)"`, or the name alone of what has no unit."""
    return f"{name} ({unit})" if unit else name
