"""What stands around the code: pins for every tested Python, versions that agree, files that other programs read."""

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import invsound

ROOT = Path(__file__).parent.parent
PROJECTS = [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]
PINS = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_has_one_version_of_everything(python):
    applied = [pin.name.lower() for pin in PINS if not pin.marker or pin.marker.evaluate({"python_version": python})]
    assert sorted(applied) == sorted({pin.name.lower() for pin in PINS})
    assert all(re.fullmatch(r"==[\w.]+", str(pin.specifier)) for pin in PINS)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.parent.name)
def test_every_distribution_says_the_version_and_the_pythons_it_was_tested_with(project):
    text = project.read_text()
    assert f'version = "{invsound.__version__}"' in text
    assert 'requires-python = ">=3.10"' in text
    assert re.findall(r"Python :: (3\.\d+)", text) == PYTHONS


def test_the_hook_runs_the_ruff_that_is_pinned():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert hook["rev"] == f"v{next(pin for pin in PINS if pin.name == 'ruff').specifier}".replace("==", "")


def test_the_citation_names_software_and_paper():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    assert (cited["version"], cited["license"]) == (invsound.__version__, "MIT")
    assert cited["references"][0]["title"] == "Learning to Solve Inverse Problems for Perceptual Sound Matching"


def test_workflows_call_sessions_that_are_there():
    sessions = set(re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE))
    called = set()
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        steps = [step for job in yaml.safe_load(file.read_text())["jobs"].values() for step in job["steps"]]
        called |= {name for step in steps for line in re.findall(r"nox -s ([\w .-]+)", step.get("run", "")) for name in line.split()}
    assert {"tests-", "lint", "types", "examples", "docs", "wheels", "browser"} == called
    assert {name.removesuffix("-") for name in called} <= sessions


def test_issue_templates_are_forms():
    for file in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        if file.name != "config.yml":
            form = yaml.safe_load(file.read_text())
            assert {"name", "description", "body"} <= set(form)
            assert all("label" in field["attributes"] for field in form["body"])
