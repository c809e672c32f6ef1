"""Notebooks are sources: no outputs, public names only, and an assert at the end, which `nox -s examples` comes to."""

import ast
import json
from pathlib import Path

import pytest

import invsound

NOTEBOOKS = sorted((Path(__file__).parent.parent / "examples" / "notebooks").glob("*.ipynb"))


def test_there_are_three():
    assert {path.stem for path in NOTEBOOKS} >= {"match_a_drum", "write_a_loss", "compare_representations"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_a_source(path):
    cells = json.loads(path.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert cells[0]["source"][0].startswith("# ")
    assert path.stat().st_size < 10_000
    trees = [ast.parse("".join(cell["source"])) for cell in code]
    assert isinstance(trees[-1].body[-1], ast.Assert)
    nodes = [node for tree in trees for node in ast.walk(tree)]
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "invsound"}
    assert "run" in used or "match" in used
    assert used <= set(invsound.__all__)
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("invsound")]
