"""Runs the code of the documentation: `pytest docs`.

Each page has a scratch folder, in which its blocks run from top to bottom. A block of Python is executed; with a `:caption:` it is a
file, and is written. A block of bash is executed, with the `invsound` of this Python. `<!-- skip: next -->` marks what takes minutes.
"""

import os
import subprocess
import sys
import venv
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.myst import CodeBlockParser, SkipParser

HERE = Path(__file__).parent


def write(example):
    """A block with a caption is a file of the page's scratch folder."""
    path = example.namespace["scratch"] / example.region.lexemes["options"]["caption"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(example.parsed)
    return path


def python(example):
    if "caption" in example.region.lexemes.get("options", {}):
        compile(example.parsed, str(write(example)), "exec")
    else:
        PythonEvaluator()(example)


def text(example):
    if "caption" in example.region.lexemes.get("options", {}):
        write(example)


def bash(example):
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", example.parsed],
        cwd=example.namespace["scratch"], env=example.namespace["environment"], capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{example.parsed}\nended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def begin(namespace):
    """A page's scratch folder, an environment of its own that sees the packages of this one, and its own cache."""
