"""Plugins need nothing but `import invsound` and `invsound.testing`: ours, the examples, and what `invsound new-plugin` writes."""

import ast
from pathlib import Path

import pytest

import invsound
from invsound import testing
from invsound.authoring import scaffold

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").glob("*/*/**/*.py"))
PUBLIC = {"invsound": {*invsound.__all__, "testing"}, "invsound.testing": set(testing.__all__)}


def private(source):
    """What a source imports of invsound, or takes from it by a dot, that is not public."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _ours(alias.name) and alias.name not in PUBLIC)
        elif isinstance(node, ast.ImportFrom) and _ours(node.module or ""):
            names = PUBLIC.get(node.module, set())
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name not in names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "invsound" and node.attr not in PUBLIC["invsound"]:
            yield f"invsound.{node.attr}"


def _ours(module):
    return module.split(".")[0] == "invsound"


@pytest.mark.parametrize(
    "source",
    [
        "from invsound.registry import find",
        "import invsound.registry",
        "from invsound import registry",
        "from invsound import *",
        "import invsound\ninvsound.registry.find('synth', 'x')",
        "from invsound.testing.subject import Subject",
        "def late():\n    from invsound.problem import finite",
    ],
)
def test_private_names_are_noticed(source):
    assert len(list(private(source))) == 1


def test_public_names_pass():
    source = (
        "import invsound\nfrom invsound import Part, Synth\nfrom invsound.testing import SynthContract\ninvsound.make\nimport invsound_x.y"
    )
    assert list(private(source)) == []


@pytest.mark.parametrize("path", EXAMPLES + PLUGINS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_and_plugins_use_public_names_only(path):
    assert list(private(path.read_text())) == []


def test_the_examples_hold_a_package_and_the_plugins_their_tests():
    assert {"string.py", "onset.py"} <= {path.name for path in EXAMPLES}
    assert {"drum.py", "test_ftm_drum.py"} <= {path.name for path in PLUGINS}


def test_a_new_package_uses_public_names_only():
    made = scaffold.write("kit", {kind: ["tried"] for kind in scaffold.SUMMARIES})
    sources = [path for path in made.files if path.endswith(".py")]
    assert len(sources) == 2 * len(scaffold.SUMMARIES) + 1
    assert {path: list(private((made.folder / path).read_text())) for path in sources} == {path: [] for path in sources}


def test_what_is_public_is_there():
    assert [name for name in invsound.__all__ if not hasattr(invsound, name)] == []
