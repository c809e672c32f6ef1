"""Error against seconds on the granular task: `run` trains what examples/granular.yaml holds, `write` makes docs/benchmarks-granular.md.

python benchmarks/front.py run        # resumable: what is finished is not run again
python benchmarks/front.py write      # of the runs that are finished
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import torch
import yaml
from markupsafe import Markup
from tables import table

import invsound
from invsound.experiments import results
from invsound.experiments.statistics import bootstrap
from invsound.hooks import options
from invsound.pages import record
from invsound.pages.charts import Axes, Scale
from invsound.runs import environment, folder

ROOT = Path(__file__).parent.parent
SWEEP, PICTURE = ROOT / "examples" / "granular.yaml", ROOT / "docs" / "_static" / "granular.svg"
SLOW = "DDSP-JTFS"
"""What takes a quarter of an hour for a seed."""
PUBLISHED = {"P-loss": 20.5, SLOW: 42.4, "SCRAPL": 65.7, "best spectral loss": 195.0}
"""‰, of 3,075 sounds and 200 epochs on a GPU (Mitcheltree et al., ICLR 2026)."""
COLOURS = ("#24477a", "#a8482c", "#5c7a2e", "#7a3b78", "#1f7a78")
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#444}path{fill:none}.frame{stroke:#888}.grid{stroke:#8883}"
    ".points{stroke-width:7;stroke-linecap:round}.stem{stroke-width:3;stroke-opacity:.4}"
    + "".join(f"path.s{k}{{stroke:{c}}}text.s{k}{{fill:{c}}}" for k, c in enumerate(COLOURS))
)


@dataclass(frozen=True)
class Method:
    """What was found with one loss: for each seed the mean |Δθ| of both parameters, ‰, and seconds of training; seconds of preparation.

    Seconds are those of one core that computed for it, whatever else the machine did meanwhile.
    """

    name: str
    epochs: int
    errors: list[float]
    training: list[float]
    preparing: float

    @property
    def error(self) -> float:
        return statistics.median(self.errors)

    @property
    def ends(self) -> tuple[float, float]:
        return bootstrap(self.errors) or (self.error, self.error)

    @property
    def seconds(self) -> float:
        return self.preparing + statistics.median(self.training)


def run(out: Path) -> None:
    """Every loss with seed 0, then every one with seed 1, …: a table of few seeds is soon there. What is slow comes last."""
    given = options.from_file(SWEEP)
    fast = [name for name in given["configurations"] if name != SLOW]
    plan = [(only, [seed]) for only in (fast, [SLOW]) for seed in given["seeds"]]
    with mock.patch.object(folder, "time", SimpleNamespace(perf_counter=time.process_time)):  # the clock of the stages
        for only, seeds in plan:
            invsound.sweep(SWEEP, out=out, only=only, seeds=seeds, jobs=1)
        invsound.sweep(_as_short(out), out=_short(out), jobs=1)


def _short(out: Path) -> Path:
    return out.with_name(f"{out.name}-steps")


def _as_short(out: Path) -> Path:
    """A sweep of P-loss with as few steps as the slow one takes."""
    plan = options.from_file(SWEEP)
    steps = {name: value for name, value in plan["configurations"][SLOW].items() if name.startswith("train.")}
    plan |= {"configurations": {"P-loss": plan["configurations"]["P-loss"] | steps}}
    path = _short(out).with_suffix(".yaml")
    path.write_text(yaml.safe_dump(plan))
    return path


def methods(out: Path) -> list[Method]:
    """Of the runs that are finished, in the order of the sweep. Losses that prepare the same thing paid for it once, in the first run."""
    runs = results.find([out])
    spent = {result.folder: record.seconds(result.folder) for result in runs}
    kinds: dict[str, float] = {}
    for result in runs:
        kinds[kind(result)] = max(kinds.get(kind(result), 0.0), spent[result.folder]["preparation"])
    found = []
    for name in options.from_file(SWEEP)["configurations"]:
        if own := sorted((result for result in runs if result.name == name), key=lambda result: result.seed):
            errors = [1000 * statistics.mean(v for column, v in result.values.items() if column.group == "errors") for result in own]
            training = [spent[result.folder]["training"] for result in own]
            found.append(Method(name, own[0].options["train.epochs"], errors, training, kinds[kind(own[0])]))
    return found


def kind(result: results.Result) -> str:
    return f"{result.options['parts.loss']} {result.options['parts.feature']}"


def picture(found: Iterable[Method]) -> str:
    """Error against seconds, one point for each method, its interval over seeds, and the published errors at the right."""
    found = list(found)
    x = Scale.of([m.seconds for m in found], "seconds of one core, preparation and training", log=True, margin=0.15)
    y = Scale.of([*(end for m in found for end in m.ends), *PUBLISHED.values()], "mean |Δθ|, ‰", log=True, margin=0.05)
    axes = Axes(x, y, 640, 400, right=190)
    for k, m in enumerate(found):
        style = f"s{k % len(COLOURS)}"
        axes.stems([m.seconds], [m.ends[0]], [m.ends[1]], style).points([m.seconds], [m.error], style)
    left, _, width, _ = axes.plot
    below: dict[bool, float] = {}
    places = {m.name: axes.at([m.seconds], [m.error])[0] for m in found}
    for k, m in sorted(enumerate(found), key=lambda item: places[item[1].name][1]):
        a, b = places[m.name]
        late = a > left + width / 2  # its name stands before it; names on one side, one under the other
        below[late] = y_text = max(b + 4, below.get(late, 0.0) + 14)
        axes.add(Markup('<text class="s{}" text-anchor="{}" x="{:.0f}" y="{:.0f}">{}</text>').format(
            k % len(COLOURS), "end" if late else "start", a - 9 if late else a + 9, y_text, m.name))  # fmt: skip
    for name, value in PUBLISHED.items():
        ((_, b),) = axes.at([x.low], [value])
        axes.add(Markup('<path class="frame" d="M{:.0f} {:.0f}h8"/><text x="{:.0f}" y="{:.0f}">{}</text>').format(
            left + width, b, left + width + 11, b + 4, f"{name}, published"))  # fmt: skip
    svg = axes.svg("Mean error of both parameters against seconds, for each loss")
    return str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(">", f"><style>{STYLE}</style>", 1) + "\n"


def place(found: list[Method]) -> str:
    """Where PNP stands, in one sentence."""
    by_name = {m.name: m for m in found}
    best = min((m for m in found if m.name.startswith("PNP")), key=lambda m: m.error, default=None)
    others = [by_name[name] for name in ("P-loss", "SCRAPL", SLOW, "DDSP-MSS") if name in by_name]
    if best is None or not others:
        return "PNP has not been run yet."
    told = [f"{'above' if best.error > m.error else 'below'} {m.name}, {m.error:.0f} ‰ in {m.seconds:.0f} s" for m in others]
    which = best.name.removeprefix("PNP-JTFS ")
    return f"PNP-JTFS at its best ({which}) has {best.error:.0f} ‰ in {best.seconds:.0f} s: {'; '.join(told)}."


PAGE = """# The granular task

    OMP_NUM_THREADS=1 python benchmarks/front.py run
    python benchmarks/front.py write

The granular task of SCRAPL (Mitcheltree, Lostanlen, Benetos & Lagrange, ICLR 2026, [arXiv:2602.11145](https://arxiv.org/abs/2602.11145)):
64 chirping grains, of which density and slope are asked for and frequencies and onsets are a [nuisance](hooks/synths.md#nuisances). Sounds,
their table, folds and JTFS are the published ones. **The training is not**: two cores in an hour and a half hold {train} of the 3,075
training sounds, the epochs below, the encoder `cnn`, Adam at 1e-3, and batches of {batch}, of 8 where a step renders. Published are 200
epochs on a GPU, of a larger encoder, with AdamW at 1e-5 and batches of 32.

![Mean error of both parameters against seconds](_static/granular.svg)

{place}

{table}
Errors are means over {test} test sounds; medians over seeds, with their 95 % bootstrap interval. Seconds are those that one core
computed ({about}; the machine had other work too, which is not counted): preparation,
once for all seeds and for all losses that prepare the same, and the median training, both on one thread. The mean of the training
parameters misses by 243 ‰.
{slow}{missing}
"""


def slow(out: Path, found: list[Method]) -> str:
    """What the few steps of the slow one are worth."""
    short = methods(_short(out)) if _short(out).exists() else []
    own = [m for m in found if m.name == SLOW]
    if not short or not own:
        return ""
    return (
        f"{SLOW} is far from the published {PUBLISHED[SLOW]:g} ‰ for want of steps: it takes {own[0].seconds:.0f} s for "
        f"its {own[0].epochs} epoch. With as few steps of as many sounds P-loss has {short[0].error:.0f} ‰, "
        f"{SLOW} {own[0].error:.0f} ‰.\n"
    )


def write(out: Path) -> None:
    found, given = methods(out), options.from_file(SWEEP)["base"]
    PICTURE.write_text(picture(found))
    rows = [
        (
            m.name, str(len(m.errors)), str(m.epochs), f"{m.error:.1f}", "{:.1f}–{:.1f}".format(*m.ends) if m.errors[1:] else "",
            f"{m.preparing:.0f}", f"{statistics.median(m.training):.0f}", f"{PUBLISHED[m.name]:g}" if m.name in PUBLISHED else "",
        )
        for m in found
    ]  # fmt: skip
    head = "loss | seeds | epochs | mean \\|Δθ\\|, ‰ | interval | preparation, s | training, s | published, ‰"
    ours = {m.name for m in found}
    rows += [(name, "", "", "", "", "", "", f"{value:g}") for name, value in PUBLISHED.items() if name not in ours]
    about = f"{environment.processor()}, torch {torch.__version__}"
    data = given["data"]
    told = {"train": data["train"], "test": data["test"], "batch": given["train"]["batch"], "about": about}
    absent = [name for name in options.from_file(SWEEP)["configurations"] if name not in ours]
    missing = f"Not run yet: {', '.join(absent)}." if absent else "All losses have been run."
    text = PAGE.format(place=place(found), table=table(head, rows), slow=slow(out, found), missing=missing, **told)
    (ROOT / "docs" / "benchmarks-granular.md").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("run", "write"))
    parser.add_argument("--out", type=Path, default=Path("runs/granular"))
    given = parser.parse_args()
    if given.what == "run":
        run(given.out)
    else:
        write(given.out)


if __name__ == "__main__":
    main()
