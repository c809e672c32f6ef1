"""Comparison: configurations found and named, medians and intervals over seeds, significance over sounds, and what is written."""

import csv
import itertools
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import invsound as package
from invsound import InvsoundError, UsageError
from invsound.experiments import comparison, results, statistics
from invsound.experiments.results import Column

MACRO, MICRO = Column("scores", "macro", "ear"), Column("scores", "micro", "ear")
EVIL = "<script>alert('x')</script>"


def write_run(folder, distances, seed=0, sounds=None, loss="ploss", weights=None, unit="Hz", parameter="f", epochs=3, **options):
    """A finished run whose test sounds have these distances; `sounds` are their true parameters."""
    n, folder = len(distances), Path(folder)
    folder.mkdir(parents=True)
    sounds = range(n) if sounds is None else sounds
    parts = {"synth": "bell", "feature": "ear", "loss": loss, "optimizer": "adam", "encoder": "cnn"}
    config = {"parts": parts, "data": {"train": 40}, "train": {"batch": 16}, "seed": seed}
    for key, value in options.items():
        group, _, name = key.partition("__")
        config.setdefault(group, {})[name] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    averages = {"macro": float(np.mean(distances))}
    columns = {"ear_trained": distances}
    if weights is not None:
        averages["micro"] = float(np.average(distances, weights=weights))
        columns["weight_ear"] = weights
    errors = {parameter: {"unit": unit, "trained": float(np.mean(distances)) * 2, "untrained": 9.0, "training_mean": 9.0}}
    scores = {"sound_count": n, "scores": {"ear": {"trained": averages, "untrained": {"macro": 99.0}}}, "parameters": errors, "targets": []}
    (folder / "scores.json").write_text(json.dumps(scores))
    (folder / "seconds.json").write_text(json.dumps({"preparation": 5.0 + seed, "training": 9.0}))
    lines = [json.dumps({"epoch": e, "seconds": 6.0 * e} | ({"steps": 3} if e else {})) for e in range(epochs + 1)]
    (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))
    table(folder / "distances.csv", columns)
    table(
        folder / "predictions.csv",
        {f"true_{parameter}": sounds, f"predicted_{parameter}": [s + 2 * d for s, d in zip(sounds, distances, strict=True)]},
    )
    return folder


def table(path, columns):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["index", *columns])
        writer.writerows([i, *row] for i, row in enumerate(zip(*columns.values(), strict=True)))


# statistics


def test_the_median_of_an_even_number_is_between():
    assert statistics.median([3, 1, 2]) == 2
    assert statistics.median([4, 1, 2, 3]) == 2.5
    assert statistics.median([7]) == 7


@pytest.mark.parametrize("n", [2, 3, 5, 8, 20])
def test_the_interval_holds_the_median_and_lies_within_the_values(n):
    for k in range(5):
        values = torch.randn(n, generator=torch.Generator().manual_seed(k)).tolist()
        low, high = statistics.bootstrap(values)
        assert min(values) <= low <= statistics.median(values) <= high <= max(values)
        assert statistics.bootstrap(values) == (low, high)
    assert statistics.bootstrap([1.5] * n) == (1.5, 1.5)


def test_one_value_has_no_interval():
    assert statistics.bootstrap([3.0]) is None


def test_the_interval_narrows_as_seeds_are_added_and_covers_the_truth():
    draws = torch.Generator().manual_seed(0)
    samples = torch.randn(60, 40, generator=draws).tolist()
    intervals = [statistics.bootstrap(sample) for sample in samples]
    assert sum(low <= 0 <= high for low, high in intervals) >= 51  # of 60; 57 expected
    narrow, wide = (np.mean([np.subtract(*statistics.bootstrap(sample[:n])[::-1]) for sample in samples]) for n in (40, 10))
    assert 0.3 < narrow / wide < 0.8


def brute_force(d):
    flips = [abs(sum(s * v for s, v in zip(signs, d, strict=True))) for signs in itertools.product([1, -1], repeat=len(d))]
    return np.mean(np.array(flips) >= abs(sum(d)) - 1e-9)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 9])
def test_the_permutation_test_is_exact_on_few_sounds(n):
    d = torch.randn(n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    assert statistics.permutation(d) == pytest.approx(brute_force(d.tolist()))
    assert statistics.permutation(d.abs() + 0.1) == pytest.approx(2 ** (1 - n))
    assert statistics.permutation(torch.full((n,), 0.1)) == pytest.approx(2 ** (1 - n))  # ties


@pytest.mark.parametrize("n", [1, 5, 13, 14, 300])
def test_no_difference_has_p_1(n):
    assert statistics.permutation(torch.zeros(n)) == 1
    assert statistics.permutation(torch.tensor([1.0, -1.0]).repeat(n)) == 1


def test_random_draws_agree_with_all_of_them(monkeypatch):
    d = torch.randn(12, generator=torch.Generator().manual_seed(3)) + 0.4
    exact = statistics.permutation(d)
    monkeypatch.setattr(statistics, "EXACT", 0)
    assert statistics.permutation(d) == pytest.approx(exact, abs=4 * (exact * (1 - exact) / statistics.DRAWS) ** 0.5)
    whole = statistics.permutation(d)
    assert statistics.permutation(d) == whole
    assert statistics.permutation(torch.ones(200)) == 1 / (statistics.DRAWS + 1)


def test_p_is_uniform_where_there_is_no_difference(monkeypatch):
    monkeypatch.setattr(statistics, "DRAWS", 999)
    draws = torch.Generator().manual_seed(1)
    p = np.sort([statistics.permutation(torch.randn(30, generator=draws)) for _ in range(400)])
    distance = np.abs(p - (np.arange(400) + 0.5) / 400).max()
    assert distance < 1.63 / 400**0.5  # Kolmogorov–Smirnov, 1 %
    shifted = [statistics.permutation(torch.randn(30, generator=draws) + 1) for _ in range(20)]
    assert np.median(shifted) < 0.01


# what is compared


def test_seeds_are_one_configuration_and_names_are_what_differs(tmp_path):
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


def test_a_sweep_s_own_names_are_kept_where_they_tell_all_rows_apart(tmp_path):
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


def test_one_configuration_is_named_by_its_parts_and_has_no_p(tmp_path):
    run = write_run(tmp_path / "alone", [1.0, 2.0])
    (row,) = package.compare([run, run, tmp_path]).configurations
    assert row.name == "bell-ear-ploss"
    assert row.seeds == [0]
    assert all(cell.p is None for cell in row.cells.values())


def test_steps_are_those_that_were_made(tmp_path):
    write_run(tmp_path / "a", [1.0])
    older = write_run(tmp_path / "b", [1.0]) / "metrics.jsonl"
    older.write_text(older.read_text().replace(', "steps": 3', ""))
    write_run(tmp_path / "c", [1.0], epochs=0, loss="other")
    found = [{c.of: v for c, v in run.values.items() if c.group == "seconds"} for run in results.find([tmp_path])]
    assert [values.get("per step") for values in found] == [4.0, None, None]
    assert [values.get("per epoch") for values in found] == [12.0, 12.0, None]


def test_p_is_that_of_the_mean_difference_of_each_sound_over_seeds(tmp_path):
    draws = np.random.default_rng(0)
    a, b = draws.random((2, 3, 8))
    for seed in range(3):
        write_run(tmp_path / f"a-{seed}", a[seed].tolist(), seed)
        write_run(tmp_path / f"b-{seed}", b[seed].tolist(), seed, loss="other")
    found = package.compare(tmp_path)
    expected = brute_force((b - a).mean(0).tolist())
    assert found.configurations[1].cells[MACRO].p == pytest.approx(expected)
    assert found.configurations[1].cells[Column("errors", "error", "f", "Hz")].p == pytest.approx(expected)
    assert found.configurations[1].cells[Column("seconds", "seconds", "per epoch")].p is None
    other = package.compare(tmp_path, against="loss=other")
    assert other.configurations[0].cells[MACRO].p == pytest.approx(expected)
    assert other.configurations[1].cells[MACRO].p is None


def test_sounds_of_their_own_for_each_seed_are_all_counted(tmp_path):
    for seed in range(3):
        sounds = [10 * seed + k for k in range(3)]
        write_run(tmp_path / f"a-{seed}", [1.0, 2.0, 3.0], seed, sounds)
        write_run(tmp_path / f"b-{seed}", [1.5, 2.5, 3.5], seed, sounds, loss="other")
    assert package.compare(tmp_path).configurations[1].cells[MACRO].p == pytest.approx(2**-8)


def test_the_weights_of_micro_count_in_its_p(tmp_path):
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
def test_what_cannot_be_paired_has_no_p(tmp_path, change):
    write_run(tmp_path / "a", [1.0, 2.0])
    b = write_run(
        tmp_path / "b", [2.0, 3.0], seed=int(change == "other seeds"), sounds=[5, 6] if change == "other sounds" else None, loss="other"
    )
    if change == "an older run":
        (b / "distances.csv").unlink()
    cells = package.compare(tmp_path).configurations[1].cells
    assert cells[MACRO].p is None
    assert (cells[Column("errors", "error", "f", "Hz")].p is None) == (change != "an older run")


def test_equal_runs_have_p_1(tmp_path):
    write_run(tmp_path / "a", [1.0, 2.0, 5.0])
    write_run(tmp_path / "b", [1.0, 2.0, 5.0], loss="other")
    assert package.compare(tmp_path).configurations[1].cells[MACRO].p == 1


def test_other_synths_leave_columns_empty(tmp_path):
    write_run(tmp_path / "a", [1.0, 2.0])
    write_run(tmp_path / "b", [2.0, 3.0], parameter="tau", unit="s", parts__synth="drum")
    found = package.compare(tmp_path, out=tmp_path / "out")
    (a, b), tau = found.configurations, Column("errors", "error", "tau", "s")
    assert tau in b.cells
    assert tau not in a.cells
    assert b.cells[MACRO].p is None
    rows = list(csv.DictReader((tmp_path / "out/comparison.csv").read_text().splitlines()))
    assert [row["error of tau (s)"] for row in rows] == ["", "5.0"]


# what can be wrong


def test_missing_unfinished_and_repeated_runs(tmp_path, invsound):
    missing = invsound("compare", "nowhere")
    assert (missing.exit_code, "no folder 'nowhere'" in missing.stderr) == (2, True)
    (tmp_path / "runs").mkdir()
    empty = invsound("compare", "runs")
    assert (empty.exit_code, "no finished run" in empty.stderr) == (2, True)
    write_run(tmp_path / "runs/a", [1.0, 2.0])
    shutil.copytree("runs/a", "runs/again")
    write_run(tmp_path / "runs/b", [1.0, 2.0], loss="other")
    Path("runs/b/scores.json").unlink()
    result = invsound("compare", "runs", "--json")
    assert result.exit_code == 0
    assert "runs/b is not finished and left out" in result.stderr
    assert "runs/again repeats runs/a" in result.stderr
    assert [row["folders"] for row in json.loads(result.stdout)["configurations"]] == [["runs/a"]]
    assert invsound("compare", "runs/b").exit_code == 2
    wrong = invsound("compare", "runs", "--against", "bell-ear-plos")
    assert (wrong.exit_code, "Did you mean 'bell-ear-ploss'?" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("scores.json", '{"scores": {'),
        ("scores.json", "null"),
        ("scores.json", '{"scores": {"ear": {"trained": {"macro": "low"}}}, "parameters": {}}'),
        ("scores.json", '{"scores": {"ear": {"trained": {"macro": NaN}}}, "parameters": {}}'),
        ("metrics.jsonl", '{"epoch": 1, "seco'),
        ("seconds.json", "[1]"),
        ("config.yaml", "seed: 1\n"),
        ("distances.csv", "index,ear_trained\n0,1.0\n1,\n"),
        ("predictions.csv", "index,true_f,predicted_f\n0,1.0\n1,2.0,3.0\n"),
    ],
)
def test_damage_is_said_and_names_the_run(tmp_path, file, text, invsound):
    write_run(tmp_path / "runs/a", [1.0, 2.0])
    write_run(tmp_path / "runs/b", [1.0, 2.0], loss="other")
    Path("runs/b", file).write_text(text)
    result = invsound("compare", "runs")
    assert result.exit_code == 1, result.stderr
    assert "runs/b" in result.stderr
    with pytest.raises(InvsoundError):
        package.compare("runs")
    if file == "scores.json":
        Path("runs/b/config.yaml").unlink()
        with pytest.raises(UsageError, match="no run folder"):
            package.compare("runs")


# what is written


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    handle_startendtag = handle_starttag


def test_table_data_and_page(tmp_path, invsound):
    for seed in range(3):
        write_run(tmp_path / f"runs/a/seed-{seed}", [1.0 + seed, 3.0], seed, weights=[1.0, 2.0], data__csv=None)
        write_run(tmp_path / f"runs/b/seed-{seed}", [200.0 + seed, 4.0], seed, weights=[1.0, 2.0], data__csv=EVIL)
    result = invsound("compare", "runs", "--out", "out")
    assert result.exit_code == 0, result.stderr
    assert all(word in result.stdout for word in ("csv=null", "Scores", "macro", "micro", "error of f [Hz]", "seconds per step", "p 0.5"))
    printed = json.loads(invsound("compare", "runs", "--json").stdout)
    assert printed == json.loads(Path("out/comparison.json").read_text())
    cell = printed["configurations"][1]["cells"]["macro ear"]
    assert cell == {"values": [102.0, 102.5, 103.0], "median": 102.5, "low": 102.0, "high": 103.0, "p": 0.5}
    first, second = csv.DictReader(Path("out/comparison.csv").read_text().splitlines())
    assert (first["configuration"], first["seeds"], first["macro ear p"]) == ("csv=null", "0 1 2", "")
    assert [float(second[f"macro ear{end}"]) for end in ("", " low", " high", " p")] == [102.5, 102.0, 103.0, 0.5]
    text = Path("out/comparison.html").read_text()
    page = Page(text)
    assert page.tags.count("svg") == 2
    assert page.tags.count("script") == 1
    assert re.findall(r"https?://(?!www\.w3\.org/)", text) == []
    assert "nan" not in re.sub(r'(?s)<style.*?</style>|aria-label="[^"]*"', "", text).lower()
    paths = [value for name, value in page.attributes if name == "d"]
    assert paths
    assert all(re.fullmatch(r"[MLHVhv\d. -]+", path) for path in paths)
    again = Path("out/comparison.html").read_bytes()
    comparison.compare("runs", out="out")
    assert Path("out/comparison.html").read_bytes() == again


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
