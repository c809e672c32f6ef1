"""Designs: which sounds a run is made of, as a table of ν per fold."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InvsoundError, UsageError, did_you_mean
from ..parameter import Choice, Parameter
from ..runs.inputs import Inputs, digest
from ..runs.parts import Parts
from ..runs.stages import Data
from ..space import Space
from ..synth import Synth
from ..system.rng import derive, generator
from .table import Listed, read_table, sounds

FOLDS = ("train", "val", "test")
ENDLESS = ("random", "sobol")
"""Designs that have as many sounds as are wanted."""


def draw(synth: Synth, design: str, counts: dict[str, int | None], seed: int, csv: str | None = None) -> dict[str, Tensor]:
    """The folds train, val and test of a design: ν [n, W] in float32 with n = `counts[fold]`, a function of the arguments alone.

    `random`: uniform in ν, steps and options; enlarging a fold keeps its first rows. `sobol`: uniform too, scrambled, more evenly spread.
    `grid`: cell centres of the smallest regular grid that has enough of them, shuffled. `paper`: the table that
    `synth.published()` gives. `csv`: a file with one column per parameter, in physical units or with the names of options, and optionally
    one named `fold`; without it rows are split at random in the proportions of `counts`. A table shorter than a count gives what it has,
    a longer one is cut by a choice that the seed makes, of which a smaller count has the beginning, and None takes everything.

    Raises UsageError for an unknown design or fold, a synth without a published table, a file that does not fit.
    """
    if design not in (names := [*_designs, "csv"]):
        raise UsageError(f"No design named {design!r}.{did_you_mean(design, names)} Available: {', '.join(names)}.")
    if unknown := set(counts) - set(FOLDS):
        raise UsageError(f"No fold named {min(unknown)!r}. Available: {', '.join(FOLDS)}.")
    if (design == "csv") != (csv is not None):
        raise UsageError(f"The design 'csv' needs a file and no other takes one, got the design {design!r} and the file {csv!r}.")
    wanted = {fold: counts.get(fold, 0) for fold in FOLDS}
    return _csv(synth, wanted, seed, csv) if csv is not None else _designs[design](synth, wanted, seed)


def drawn(synth: Synth, options: Data, seed: int) -> Folds:
    """`draw` as the data options of a run say; `seed` is that of the run. Raises InvsoundError for a fold without sounds."""
    counts = {"train": options.train, "val": options.val, "test": options.test}
    if options.fresh and options.design not in (*ENDLESS, "csv"):
        raise UsageError(
            f"data.fresh=true draws sounds without an end, which the design {options.design!r} has. Choose data.design=random or sobol."
        )
    folds = draw(synth, options.design, counts, seed if options.seed is None else options.seed, options.csv)
    if len(folds["train"]) == 1:  # a batch norm has no variance of one example
        raise UsageError("The fold 'train' has one sound. Give it two or more: data.train=8, or another row with that fold in the table.")
    for fold, rows in folds.items():
        if not len(rows):
            raise InvsoundError(f"The fold {fold!r} is empty. Give it at least one sound: data.{fold}=8.")
    return folds


def published_table(space: Space, cells: int, inset: int, test: int, reseed: bool = False, seed: int = 960602) -> tuple[Tensor, list[str]]:
    """A jittered grid with its middle held out: θ [cells^P, P] in float64 and the fold of each row, for `Synth.published`.

    Each axis is cut into `cells` cells, equal in θ, or in log θ where the parameter is log; each cell of the product, the
    last axis fastest, gets one point, uniform in θ. Cells at least `inset` away from every face are `val`; of the others,
    shuffled, the first `test` are `test`; the rest is `train`. With `reseed` the shuffle starts from the seed again.
    """
    stream = random.Random(seed)
    axes = [list(itertools.pairwise(_edges(p, cells))) for p in space]
    theta = torch.tensor([[stream.uniform(*cell) for cell in point] for point in itertools.product(*axes)], dtype=torch.float64)
    inner = range(inset, cells - inset)
    folds = ["val" if all(i in inner for i in index) else "train" for index in itertools.product(range(cells), repeat=len(space))]
    rest = [row for row, fold in enumerate(folds) if fold == "train"]
    (random.Random(seed) if reseed else stream).shuffle(rest)
    for row in rest[:test]:
        folds[row] = "test"
    return theta, folds


def _edges(p: Parameter | Choice, cells: int) -> list[float]:
    if p.count:
        raise InvsoundError(
            f"A published table cuts ranges into cells, and {p} is not to be cut. Choose another design: random, sobol or csv."
        )
    low, high = (math.log10(p.low), math.log10(p.high)) if p.scale == "log" else (p.low, p.high)
    edges = [low + (high - low) * i / cells for i in range(cells + 1)]
    return [10**s for s in edges] if p.scale == "log" else edges


Wanted = dict[str, int | None]
Folds = dict[str, Tensor]


@dataclass(frozen=True)
class Drawn:
    """ν of each fold, and of folds that were recorded their sounds x [n, N]; where the table that they come from is said to be and is
    read, if there is one, and a digest of all its recordings, if it has them."""

    nu: Folds
    x: Folds = field(default_factory=dict)
    table: tuple[str, Path] | None = None
    sounds: str = ""


def of_run(parts: Parts, inputs: Inputs) -> Drawn:
    """The sounds of a run. Raises UsageError where recordings have changed since it began."""
    data, seed = parts.config.data, parts.config.draw
    if data.csv is None:
        parts.check_augment(False)
        return Drawn(drawn(parts.synth, data, parts.config.seed))
    table = inputs.table(data.csv)
    nu = drawn(parts.synth, replace(data, csv=str(table)), parts.config.seed)
    listed = read_table(table, parts.synth.space, FOLDS)
    parts.check_augment(listed.sounds is not None)
    if listed.sounds is None:
        if data.fresh:
            raise UsageError("data.fresh=true draws new sounds, which a table has not, or augments recordings anew: a column 'sound'.")
        return Drawn(nu, table=(data.csv, table))
    if data.fresh and not data.augment:
        raise UsageError("data.fresh=true augments the recordings of a table anew in every epoch: give data.augment too.")
    rows = _of_table(listed, {"train": data.train, "val": data.val, "test": data.test}, seed)
    x = sounds(parts.synth, data.csv, listed.sounds)
    inputs.check_sounds(known := digest(x), data.csv)
    return Drawn(nu, {fold: x[of] for fold, of in rows.items()}, (data.csv, table), known)


def _sizes(design: str, wanted: Wanted) -> dict[str, int]:
    """The counts of a design without an end, which a count of None would exhaust."""
    for fold, n in wanted.items():
        if n is None:
            raise UsageError(f"The design {design!r} has no end: say how many sounds the fold {fold!r} takes.")
    return {fold: n or 0 for fold, n in wanted.items()}


def _cut(nu: Tensor, sizes: dict[str, int]) -> Folds:
    """Consecutive rows of one table, fold after fold."""
    return dict(zip(sizes, torch.split(nu.float(), list(sizes.values())), strict=True))


def _random(synth: Synth, wanted: Wanted, seed: int) -> Folds:
    sizes = _sizes("random", wanted)
    P = len(synth.space)
    return {fold: synth.space.at(torch.rand(n, P, generator=generator(seed, "random", fold))) for fold, n in sizes.items()}


def _sobol(synth: Synth, wanted: Wanted, seed: int) -> Folds:
    sizes = _sizes("sobol", wanted)
    engine = torch.quasirandom.SobolEngine(len(synth.space), scramble=True, seed=derive(seed, "sobol"))
    return _cut(synth.space.at(engine.draw(sum(sizes.values()), dtype=torch.float64)), sizes)


def _grid(synth: Synth, wanted: Wanted, seed: int) -> Folds:
    sizes, P = _sizes("grid", wanted), len(synth.space)
    n = sum(sizes.values())
    side = next(side for side in itertools.count(1) if side**P >= n)
    stream, cells = random.Random(derive(seed, "grid")), dict[int, None]()
    while len(cells) < n:  # a grid may have more cells than memory: draw until enough differ
        cells[stream.randrange(side**P)] = None
    index = [[cell // side**axis % side for axis in range(P)] for cell in cells]
    return _cut(synth.space.at((torch.tensor(index, dtype=torch.float64).reshape(-1, P) + 0.5) / side), sizes)


def _paper(synth: Synth, wanted: Wanted, seed: int) -> Folds:
    table = synth.published()
    if table is None:
        raise UsageError(f"{type(synth).__name__} has no published table. Choose another design: random, sobol, grid or csv.")
    theta, folds = table
    nu = synth.space.to_nu(theta)
    return {fold: nu[rows].float() for fold, rows in _choose(folds, wanted, seed).items()}


def _choose(folds: list[str], wanted: Wanted, seed: int) -> Folds:
    """The rows of each fold, in order; of a fold longer than wanted, as many, drawn one by one: those of a smaller count are first."""
    chosen = {}
    for fold, n in wanted.items():
        rows = torch.tensor([row for row, name in enumerate(folds) if name == fold], dtype=torch.long)
        if n is not None and n < len(rows):
            rows = rows[torch.randperm(len(rows), generator=generator(seed, "choose", fold))[:n]]
        chosen[fold] = rows
    return chosen


def _csv(synth: Synth, wanted: Wanted, seed: int, path: str) -> Folds:
    listed = read_table(Path(path), synth.space, FOLDS)
    nu = synth.space.to_nu(listed.theta)
    return {fold: nu[rows].float() for fold, rows in _of_table(listed, wanted, seed).items()}


def _of_table(listed: Listed, wanted: Wanted, seed: int) -> Folds:
    """The rows of each fold of a table."""
    return _choose(listed.folds or _split(len(listed.theta), wanted, seed), wanted, seed)


def _split(n: int, wanted: Wanted, seed: int) -> list[str]:
    """Folds for n rows: their counts in proportion if the rows are too few; a fold of None takes what the others leave."""
    open_ended = [fold for fold, count in wanted.items() if count is None]
    if len(open_ended) > 1:
        raise UsageError(f"A table without a column 'fold' is split by counts: give one for {' or '.join(open_ended)}.")
    given = sum(count or 0 for count in wanted.values())
    sizes = [max(n - given, 0) if count is None else count for count in wanted.values()]
    share = min(1.0, n / max(sum(sizes), 1))
    ends = [round(share * end) for end in itertools.accumulate(sizes)]
    folds = ["" for _ in range(n)]
    for rank, row in enumerate(torch.randperm(n, generator=generator(seed, "split")).tolist()):
        folds[row] = next((fold for fold, end in zip(wanted, ends, strict=True) if rank < end), "")
    return folds


_designs: dict[str, Callable[[Synth, Wanted, int], Folds]] = {"random": _random, "sobol": _sobol, "grid": _grid, "paper": _paper}
