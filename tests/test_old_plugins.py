"""A plugin package that was written for invsound 0.1 installs and runs unchanged: `packages/` holds it as it was."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "packages" / "invsound-karplus-0.1"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Environment variables with which the package is installed, as pip does it."""
    pytest.importorskip("hatchling")
    pytest.importorskip("pip")
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    subprocess.run([*pip, str(PACKAGE)], check=True)
    return os.environ | {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1", "INVSOUND_CACHE": str(site / "cache")}


@pytest.fixture
def invsound(installed, tmp_path):
    def call(*arguments):
        command = [sys.executable, "-m", "invsound", *map(str, arguments)]
        return subprocess.run(command, env=installed, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    return call


def test_a_package_of_0_1_runs_and_matches(invsound):
    parts = "--synth", "karplus", "--feature", "logmel-onset"
    toy = [
        "synth.num_samples=4096",
        "data.train=8",
        "data.val=4",
        "data.test=2",
        "train.epochs=1",
        "evaluate.sounds=1",
        "evaluate.scores=[mss]",
    ]
    ran = json.loads(invsound("run", *parts, "--loss", "pnp", *toy, "--jobs", 1, "--out", "run", "--json"))
    assert set(ran["parameters"]) == {"f0", "t60", "beta", "s"}
    found = json.loads(invsound("match", "run/audio/test-00-target.wav", *parts, toy[0], "--evaluations", 20, "--candidates", 8, "--json"))
    assert set(found["parameters"]) == set(ran["parameters"])


def test_a_package_of_0_1_passes_the_tests_that_it_came_with(installed, tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(PACKAGE), str(PACKAGE / "tests")]
    subprocess.run(command, env=installed, cwd=tmp_path, check=True)
