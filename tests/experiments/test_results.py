"""Results read from run folders: what was measured, what is missing, what is damaged."""

import json
import shutil
from pathlib import Path

import pytest

import invsound as package
from invsound import InvsoundError, UsageError
from invsound.experiments import results


def test_steps_are_those_that_were_made(tmp_path, write_run):
    write_run(tmp_path / "a", [1.0])
    older = write_run(tmp_path / "b", [1.0]) / "metrics.jsonl"
    older.write_text(older.read_text().replace(', "steps": 3', ""))
    write_run(tmp_path / "c", [1.0], epochs=0, loss="other")
    found = [{c.of: v for c, v in run.values.items() if c.group == "seconds"} for run in results.find([tmp_path])]
    assert [values.get("per step") for values in found] == [4.0, None, None]
    assert [values.get("per epoch") for values in found] == [12.0, 12.0, None]


def test_missing_unfinished_and_repeated_runs(tmp_path, invsound, write_run):
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
def test_damage_is_said_and_names_the_run(tmp_path, file, text, invsound, write_run):
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
