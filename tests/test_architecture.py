"""The core knows no plugin, its modules are short, and nothing in it loads a pickle."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from invsound.hooks import registry, specs

ROOT = Path(__file__).parent.parent
CORE = sorted((ROOT / "invsound").rglob("*.py"))
OUTSIDE = [path for path in CORE if "builtin" not in path.parts]


def test_no_plugin_is_named_in_the_core():
    shipped = {o.part.name for kind in registry.KINDS for o in registry.offers(kind) if o.distribution != "invsound"}
    assert shipped >= {"amfm", "ftm", "jtfs", "mss", "pnp", "ddsp"}
    # string, RMS and timbre are words of their own
    pattern = re.compile(rf"\b({'|'.join(shipped - {'string', 'rms', 'timbre'})})\b", re.IGNORECASE)
    named = {str(path.relative_to(ROOT)): pattern.findall(path.read_text()) for path in OUTSIDE}
    assert {path: names for path, names in named.items() if names} == {}


def test_core_modules_average_under_150_lines():
    lines = [len(path.read_text().splitlines()) for path in CORE]
    assert sum(lines) / len(lines) < 150
    assert max(lines) < 220


def test_every_module_says_what_it_is():
    assert [str(path) for path in CORE if not ast.get_docstring(ast.parse(path.read_text()))] == []


@pytest.mark.parametrize(
    "forbidden", [r"\bpickle\b.*\bload", r"torch\.load\(", r"allow_pickle=True", r"\.cuda\(\)", r"^torch\.manual_seed"]
)
def test_forbidden_calls(forbidden):
    sources = [*CORE, *(ROOT / "plugins").rglob("src/**/*.py")]
    assert [str(path) for path in sources if re.search(forbidden, path.read_text(), re.MULTILINE)] == []


def test_every_hook_is_documented_and_listed():
    hooks = {name for name in dir(specs) if name.startswith("invsound_")}
    assert hooks == {hook for hook, _ in registry.KINDS.values()}
    text = (ROOT / "docs" / "plugins.md").read_text()
    assert all(getattr(specs, hook).__doc__ and f"`{hook}`" in text for hook in hooks)


def test_hook_modules_import_nothing_heavy():
    for hook in (ROOT / "plugins").glob("*/src/*/__init__.py"):
        imported = {a.name for n in ast.walk(ast.parse(hook.read_text())) if isinstance(n, ast.Import) for a in n.names}
        modules = imported | {n.module for n in ast.walk(ast.parse(hook.read_text())) if isinstance(n, ast.ImportFrom)}
        assert modules <= {"invsound", "__future__"}, hook


def rooms():
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "docs" / "rooms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_room_imports_only_what_stands_above_it_and_the_picture_shows_it():
    found, order = rooms().imports(), rooms().ROOMS
    assert {(a, b) for a, b in found if order.index(b) >= order.index(a)} == set()
    assert (ROOT / "docs" / "_static" / "rooms.svg").read_text() == rooms().picture(found), "python docs/rooms.py remakes it"


def test_the_door_holds_the_nouns_errors_and_pipeline():
    files = {path.stem for path in (ROOT / "invsound").glob("*.py")} - {"__init__", "__main__"}
    assert files == {*rooms().NOUNS, "errors", "pipeline"}
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert [
        path.name
        for path in (ROOT / "invsound").iterdir()
        if path.is_dir() and path.name != "__pycache__" and f"`{path.name}/`" not in text
    ] == []


ROOMY = {"testing": "a file for each kind of part", "cli": "a file for each command"}


def test_a_room_has_two_to_twelve_files():
    count = {path.name: len(set(path.glob("*.py")) - {path / "__init__.py"}) for path in (ROOT / "invsound").iterdir() if path.is_dir()}
    count.pop("__pycache__", None)
    assert {name: n for name, n in count.items() if not 2 <= n <= 12 and name not in ROOMY} == {}
