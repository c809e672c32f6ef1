"""Designs: functions of their arguments, folds that do not overlap, the published tables to the last digit."""

from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path

import pytest
import torch
from invsound_amfm.arpeggiator import Arpeggiator, ArpeggiatorOptions
from invsound_ftm.drum import Drum, DrumOptions
from invsound_ftm.string import String, StringOptions
from torch import Tensor

from invsound import UsageError
from invsound.data.designs import draw

DATA = Path(__file__).parent / "designs"
COUNTS = {"train": 50, "val": 7, "test": 9}


@pytest.fixture(scope="module")
def drum() -> Drum:
    return Drum(DrumOptions())


@pytest.fixture(scope="module")
def arpeggiator() -> Arpeggiator:
    return Arpeggiator(ArpeggiatorOptions())


def rows(nu: Tensor) -> set[tuple[float, ...]]:
    return {tuple(row) for row in nu.tolist()}


@pytest.mark.parametrize("design", ["random", "sobol", "grid", "paper"])
def test_a_design_is_a_function_of_its_arguments(arpeggiator: Arpeggiator, design: str) -> None:
    first, again, other = (draw(arpeggiator, design, COUNTS, seed) for seed in (3, 3, 4))
    for fold, n in COUNTS.items():
        assert first[fold].shape == (n, 3)
        assert first[fold].dtype == torch.float32
        assert first[fold].abs().max() <= 1
        assert torch.equal(first[fold], again[fold])
        assert not torch.equal(first[fold], other[fold])


@pytest.mark.parametrize("design", ["random", "sobol", "grid", "paper"])
def test_folds_are_disjoint(drum: Drum, design: str) -> None:
    folds = draw(drum, design, COUNTS, seed=0)
    assert len(set.union(*map(rows, folds.values()))) == sum(COUNTS.values())


def test_a_design_leaves_the_global_generator_alone(drum: Drum) -> None:
    state = torch.get_rng_state()
    for design in ("random", "sobol", "grid"):
        draw(drum, design, COUNTS, seed=0)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("n", [1, 3, 17, 1000])
def test_enlarging_a_random_fold_keeps_its_first_rows(drum: Drum, n: int) -> None:
    small, large = (draw(drum, "random", {"train": size, "val": 5}, seed=1) for size in (n, 2000))
    assert torch.equal(small["train"], large["train"][:n])
    assert torch.equal(small["val"], large["val"])


def test_sobol_spreads_more_evenly_than_chance(arpeggiator: Arpeggiator) -> None:
    folds = draw(arpeggiator, "sobol", {"train": 512}, seed=5)
    octants = Counter(tuple(row) for row in (folds["train"] > 0).tolist())
    assert set(octants.values()) == {64}


def test_grid_is_the_smallest_that_is_enough(arpeggiator: Arpeggiator) -> None:
    folds = draw(arpeggiator, "grid", {"train": 20, "val": 4, "test": 3}, seed=5)
    every = torch.cat(list(folds.values())).double()
    assert rows((every * 3).round()) == {(2.0 * i, 2.0 * j, 2.0 * k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)}
    larger = draw(arpeggiator, "grid", {"train": 28}, seed=5)["train"]
    assert set((larger.double() * 4).round().unique().tolist()) == {-3, -1, 1, 3}


def published(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("amfm", {"train": 21556, "val": 2744, "test": 2700}), ("ftm", {"train": 82224, "val": 7776, "test": 10000})],
)
def test_published_tables_row_by_row(name: str, sizes: dict[str, int], drum: Drum, arpeggiator: Arpeggiator) -> None:
    synth = {"amfm": arpeggiator, "ftm": drum}[name]
    theta, folds = synth.published()
    assert Counter(folds) == sizes
    for row in published(name):
        assert folds[int(row["ID"])] == row["fold"]
        for value, p in zip(theta[int(row["ID"])].tolist(), synth.space, strict=True):
            expected = row[f"log10_{p.name}"] if f"log10_{p.name}" in row else row[p.name]
            assert (math.log10(value) if f"log10_{p.name}" in row else value) == pytest.approx(float(expected), rel=2e-14)


def test_paper_gives_all_of_a_fold_or_a_choice_from_it(arpeggiator: Arpeggiator) -> None:
    every = draw(arpeggiator, "paper", {"train": None, "val": None, "test": 10**6}, seed=0)
    assert {fold: len(nu) for fold, nu in every.items()} == {"train": 21556, "val": 2744, "test": 2700}
    some = draw(arpeggiator, "paper", COUNTS, seed=0)
    for fold, n in COUNTS.items():
        assert len(rows(some[fold])) == n
        assert rows(some[fold]) < rows(every[fold])
        fewer = draw(arpeggiator, "paper", {fold: n // 2}, seed=0)[fold]
        assert torch.equal(fewer, some[fold][: n // 2])
    theta, folds = arpeggiator.published()
    expected = arpeggiator.space.to_nu(theta[[fold == "val" for fold in folds]]).float()
    assert torch.equal(every["val"], expected)


def write(path: Path, header: str, *lines: str) -> str:
    path.write_text("\n".join([header, *lines]) + "\n")
    return str(path)


@pytest.fixture
def table(tmp_path: Path) -> str:
    lines = [f"{512 + 5 * i},{'train' if i % 4 else 'test'},1,{i},8" for i in range(100)]
    return write(tmp_path / "sounds.csv", "f0, fold, gamma, ID, fm", *lines)


def test_csv_reads_physical_units_and_folds(arpeggiator: Arpeggiator, table: str) -> None:
    folds = draw(arpeggiator, "csv", {"train": None, "val": None, "test": None}, seed=0, csv=table)
    assert {fold: len(nu) for fold, nu in folds.items()} == {"train": 75, "val": 0, "test": 25}
    theta = arpeggiator.space.to_theta(folds["test"].double())
    torch.testing.assert_close(theta[:, 0], torch.arange(512.0, 1012, 20, dtype=torch.float64), rtol=1e-6, atol=0)
    torch.testing.assert_close(theta[:, 1:], torch.tensor([[8.0, 1.0]], dtype=torch.float64).expand(25, 2), rtol=1e-6, atol=0)
    assert len(draw(arpeggiator, "csv", {"train": 10}, seed=0, csv=table)["train"]) == 10


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [((10, 5, 5), (10, 5, 5)), ((600, 200, 200), (60, 20, 20)), ((None, 5, 5), (90, 5, 5)), ((None, 0, 0), (100, 0, 0))],
)
def test_csv_without_folds_is_split_in_the_proportions_of_the_counts(
    arpeggiator: Arpeggiator, tmp_path: Path, counts: tuple[int | None, ...], sizes: tuple[int, ...]
) -> None:
    path = write(tmp_path / "sounds.csv", "f0,fm,gamma", *(f"{512 + 5 * i},8,1" for i in range(100)))
    folds = draw(arpeggiator, "csv", dict(zip(COUNTS, counts, strict=True)), seed=2, csv=path)
    assert tuple(len(nu) for nu in folds.values()) == sizes
    assert len(set.union(*map(rows, folds.values()))) == sum(sizes)


def test_csv_takes_a_bound_printed_with_few_digits(drum: Drum, tmp_path: Path) -> None:
    path = write(tmp_path / "bounds.csv", "omega,tau,p,D,alpha", "6283.19,0.8,0.2,0.3,1")
    assert torch.equal(draw(drum, "csv", {"train": 1}, seed=0, csv=path)["train"], torch.ones(1, 5))


@pytest.mark.parametrize(
    ("header", "line", "words"),
    [
        ("f0,fm,gama", "600,8,1", ["no column 'gamma'", "Did you mean 'gama'?", "f0, fm, gamma"]),
        ("f0,fm,gamma", "600,80,1", ["line 3", "column 'fm'", "80 Hz is out of bounds", "4 and 16 Hz"]),
        ("f0,fm,gamma", "600,nan,1", ["line 3", "column 'fm'", "out of bounds"]),
        ("f0,fm,gamma", "600,8", ["line 3", "column 'gamma'", "number between", "''"]),
        ("f0,fm,gamma,fold", "600,8,1,trian", ["line 3", "column 'fold'", "Did you mean 'train'?"]),
    ],
)
def test_csv_errors_name_file_line_and_column(arpeggiator: Arpeggiator, tmp_path: Path, header: str, line: str, words: list[str]) -> None:
    path = write(tmp_path / "wrong.csv", header, "600,8,1" + ",val" * header.endswith("fold"), line)
    with pytest.raises(UsageError) as error:
        draw(arpeggiator, "csv", COUNTS, seed=0, csv=path)
    for word in [path, *words]:
        assert word in str(error.value)


@pytest.mark.parametrize("content", [None, b"", b"f0,fm,gamma\n", b"\xff\xfe\x00"])
def test_csv_that_is_no_table(arpeggiator: Arpeggiator, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "no.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"no\.csv"):
        draw(arpeggiator, "csv", COUNTS, seed=0, csv=str(path))


@pytest.mark.parametrize(
    ("design", "counts", "csv", "message"),
    [
        ("sobel", COUNTS, None, "No design named 'sobel'. Did you mean 'sobol'. Available: random, sobol, grid, paper, csv."),
        ("random", {"trian": 3}, None, "No fold named 'trian'. Available: train, val, test."),
        ("random", {"train": None}, None, "The design 'random' has no end: say how many sounds the fold 'train' takes."),
        ("csv", COUNTS, None, "The design 'csv' needs a file and no other takes one"),
        ("grid", COUNTS, "a.csv", "The design 'csv' needs a file and no other takes one"),
        ("paper", COUNTS, None, "String has no published table. Choose another design"),
    ],
)
def test_mistakes_are_named(design: str, counts: dict[str, int | None], csv: str | None, message: str) -> None:
    with pytest.raises(UsageError) as error:
        draw(String(StringOptions()), design, counts, seed=0, csv=csv)
    assert message.replace("'sobol'. A", "'sobol'? A") in str(error.value)
