"""Comparison: configurations found and named, medians over seeds, significance over paired sounds."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import invsound as package
from invsound.experiments import results, statistics
from invsound.experiments.results import Column

MACRO, MICRO = Column("scores", "macro", "ear"), Column("scores", "micro", "ear")


def test_seeds_are_one_configuration_and_names_are_what_differs(tmp_path, write_run):
    for seed in (2, 0, 1):
        write_run(tmp_path / f"a/seed-{seed}", [1.0 + seed, 3.0 + seed], seed, optimizer__lr=0.001)
        write_run(tmp_path / f"b/seed-{seed}", [2.0 + seed, 4.0 + seed], seed, loss="riemann", loss__mu=1.0, optimizer__lr=0.001)
    write_run(tmp_path / "c", [9.0, 9.0], loss="riemann", loss__mu=2.0, optimizer__lr=0.001)
    found = package.compare(tmp_path)
    assert [row.name for row in found.configurations] == ["loss=ploss", "loss=riemann, mu=1.0", "loss=riemann, mu=2.0"]
    assert [row.seeds for row in found.configurations] == [[0, 1, 2], [0, 1, 2], [0]]
    assert found.against == "loss=ploss"
    cell = found.configurations[0].cells[MACRO]
    assert (cell.values, cell.median, cell.low, cell.high, cell.p) == ([2.0, 3.0, 4.0], 3.0, 2.0, 4.0, None)
    cell = found.configurations[2].cells[MACRO]
    assert (cell.values, cell.low, cell.high) == ([9.0], None, None)
    names = {column.name: row.median for column, row in found.configurations[0].cells.items()}
    assert names == {
        "macro ear": 3.0, "error of f": 6.0,
        "seconds per epoch": 12.0, "seconds per step": 4.0, "seconds preparing": 6.0,
    }  # fmt: skip


def test_a_sweep_s_own_names_are_kept_where_they_tell_all_rows_apart(tmp_path, write_run):
    for name, loss in (("first, then | second", "a"), ("other", "b")):
        write_run(tmp_path / name / "seed-0", [1.0, 2.0], loss=loss)
        (tmp_path / name / "name.txt").write_text(f"{name}\n")
    found = package.compare(tmp_path, out=tmp_path / "out")
    assert [row.name for row in found.configurations] == ["first, then | second", "other"]
    scores = (tmp_path / "out/comparison.md").read_text().split("\n\n")[0].splitlines()
    assert scores[0] == "| configuration | seeds | macro ear |"
    assert scores[2:] == ["| first, then &#124; second | 1 | 1.50 |", "| other | 1 | 1.50, p 1 |"]
    (tmp_path / "other/name.txt").write_text("first, then | second")
    assert [row.name for row in package.compare(tmp_path).configurations] == ["loss=a", "loss=b"]


def test_one_configuration_is_named_by_its_parts_and_has_no_p(tmp_path, write_run):
    run = write_run(tmp_path / "alone", [1.0, 2.0])
    (row,) = package.compare([run, run, tmp_path]).configurations
    assert row.name == "bell-ear-ploss"
    assert row.seeds == [0]
    assert all(cell.p is None for cell in row.cells.values())


def test_p_is_that_of_the_mean_difference_of_each_sound_over_seeds(tmp_path, write_run):
    draws = np.random.default_rng(0)
    a, b = draws.random((2, 3, 8))
    for seed in range(3):
        write_run(tmp_path / f"a-{seed}", a[seed].tolist(), seed)
        write_run(tmp_path / f"b-{seed}", b[seed].tolist(), seed, loss="other")
    found = package.compare(tmp_path)
    expected = statistics.permutation(torch.from_numpy((b - a).mean(0)))
    assert found.configurations[1].cells[MACRO].p == pytest.approx(expected)
    assert found.configurations[1].cells[Column("errors", "error", "f", "Hz")].p == pytest.approx(expected)
    assert found.configurations[1].cells[Column("seconds", "seconds", "per epoch")].p is None
    other = package.compare(tmp_path, against="loss=other")
    assert other.configurations[0].cells[MACRO].p == pytest.approx(expected)
    assert other.configurations[1].cells[MACRO].p is None


def test_sounds_of_their_own_for_each_seed_are_all_counted(tmp_path, write_run):
    for seed in range(3):
        sounds = [10 * seed + k for k in range(3)]
        write_run(tmp_path / f"a-{seed}", [1.0, 2.0, 3.0], seed, sounds)
        write_run(tmp_path / f"b-{seed}", [1.5, 2.5, 3.5], seed, sounds, loss="other")
    assert package.compare(tmp_path).configurations[1].cells[MACRO].p == pytest.approx(2**-8)


def test_the_weights_of_micro_count_in_its_p(tmp_path, write_run):
    weights = [1.0, 1.0, 1.0, 1e6]
    write_run(tmp_path / "a", [1.0, 1.0, 1.0, 1.0], weights=weights)
    write_run(tmp_path / "b", [2.0, 2.0, 2.0, 1.0], weights=weights, loss="other")
    cells = package.compare(tmp_path).configurations[1].cells
    assert cells[MACRO].p == pytest.approx(2 / 8)
    assert cells[MICRO].median == pytest.approx(1.0, abs=1e-5)
    for run in results.find([tmp_path]):
        for column, term in run.terms.items():
            assert float(term.mean()) == pytest.approx(run.values[column])


@pytest.mark.parametrize("change", ["other sounds", "other seeds", "an older run"])
def test_what_cannot_be_paired_has_no_p(tmp_path, change, write_run):
    write_run(tmp_path / "a", [1.0, 2.0])
    b = write_run(
        tmp_path / "b", [2.0, 3.0], seed=int(change == "other seeds"), sounds=[5, 6] if change == "other sounds" else None, loss="other"
    )
    if change == "an older run":
        (b / "distances.csv").unlink()
    cells = package.compare(tmp_path).configurations[1].cells
    assert cells[MACRO].p is None
    assert (cells[Column("errors", "error", "f", "Hz")].p is None) == (change != "an older run")


def test_equal_runs_have_p_1(tmp_path, write_run):
    write_run(tmp_path / "a", [1.0, 2.0, 5.0])
    write_run(tmp_path / "b", [1.0, 2.0, 5.0], loss="other")
    assert package.compare(tmp_path).configurations[1].cells[MACRO].p == 1


def test_other_synths_leave_columns_empty(tmp_path, write_run):
    write_run(tmp_path / "a", [1.0, 2.0])
    write_run(tmp_path / "b", [2.0, 3.0], parameter="tau", unit="s", parts__synth="drum")
    found = package.compare(tmp_path, out=tmp_path / "out")
    (a, b), tau = found.configurations, Column("errors", "error", "tau", "s")
    assert tau in b.cells
    assert tau not in a.cells
    assert b.cells[MACRO].p is None
    rows = list(csv.DictReader((tmp_path / "out/comparison.csv").read_text().splitlines()))
    assert [row["error of tau (s)"] for row in rows] == ["", "5.0"]


def test_real_runs_compare(tiny, invsound):
    """Its distances are those that its scores are averages of."""
    base = {
        "parts": {"synth": tiny, "feature": "mss"},
        "feature": {"n_fft": [256, 64]},
        "data": {"train": 8, "val": 4, "test": 4},
        "train": {"epochs": 2, "batch": 4},
        "evaluate": {"sounds": 0},
    }
    package.sweep({"base": base, "grid": {"optimizer.lr": [1e-3, 1e-2]}}, out="swept")
    runs = results.find(["swept"])
    columns = [column for column in runs[0].values if column.group != "seconds"]
    assert {column.kind for column in columns} == {"macro", "micro", "error"}
    for run in runs:
        for column in columns:
            assert float(run.terms[column].mean()) == pytest.approx(run.values[column], rel=1e-6)
    result = invsound("compare", "swept", "--json")
    rows = json.loads(result.stdout)["configurations"]
    assert [row["name"] for row in rows] == ["lr=0.001", "lr=0.01"]
    assert all(rows[1]["cells"][column.name]["p"] is not None for column in columns)
    header = Path("swept/lr=0.01/seed-0/distances.csv").read_text().splitlines()[0].split(",")
    assert {f"mss_{estimate}" for estimate in ("trained", "untrained", "training_mean")} < set(header)
