"""The digest of a class follows whatever it computes with, wherever that is written, and nothing else."""

import subprocess
import sys
import types

import pytest

from invsound.hooks.code import digest

SOURCE = '''
import functools, math, os
from dataclasses import dataclass
import torch

GAIN, WORDS, TABLE, UNUSED = 2.0, {"one", "two", "three"}, torch.tensor([1.0, 2.0]), [1]

def slope(x):
    return inner(x) * GAIN

def inner(x):
    return x if x < 3 else slope(x - 1)

class Base:
    def base(self):
        return 1

class Mine(Base):
    """Mine."""
    @dataclass
    class Options:
        rate: float = 0.1
        names: tuple = ("a", "b")

    __slots__ = ("held",)
    LIMIT = 5

    @property
    def width(self):
        return 7

    @classmethod
    def made(cls):
        return cls()

    @functools.cached_property
    def cached(self):
        return 8

    def forward(self, x):
        hard = [y for y in (slope(v) for v in x) if str(y) not in WORDS and y in {"u", "v"}]
        return super().base() + TABLE * self.LIMIT + os.UNUSED if hard else math.pi
'''


def made(source, name="mine_module"):
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, f"<{name}>", "exec"), module.__dict__)
    return module.Mine


@pytest.fixture(autouse=True)
def cleaned():
    yield
    for name in ("mine_module", "other_module"):
        sys.modules.pop(name, None)


EDITS = {
    "a method": ("return super().base() +", "return super().base() -"),
    "a constant in a method": ("x - 1", "x - 2"),
    "a function that it calls": ("inner(x) * GAIN", "inner(x) / GAIN"),
    "a function that a function calls": ("x < 3", "x <= 3"),
    "a number": ("GAIN, WORDS, TABLE, UNUSED = 2.0", "GAIN, WORDS, TABLE, UNUSED = 2.5"),
    "a set": ('"three"}', '"four"}'),
    "a tensor": ("[1.0, 2.0]", "[1.0, 2.5]"),
    "an option's default": ("rate: float = 0.1", "rate: float = 0.2"),
    "a new option": ("rate: float = 0.1", "rate: float = 0.1\n        more: int = 1"),
    "an attribute": ("LIMIT = 5", "LIMIT = 6"),
    "a property": ("return 7", "return 9"),
    "a cached property": ("return 8", "return 9"),
    "a class method": ("return cls()", "return cls"),
    "its base": ("def base(self):\n        return 1", "def base(self):\n        return 2"),
    "a generator in it": ("slope(v) for v in x", "slope(-v) for v in x"),
    "a set that is a constant of the code": ('{"u", "v"}', '{"u", "w"}'),
}
IGNORED = {
    "a global that has the name of an attribute which it reads": ("[1]", "[2]"),
    "a comment and a place": ("class Base:", "# more\n\n\nclass Base:"),
    "its docstring": ('"""Mine."""', '"""Yours."""'),
}


@pytest.mark.parametrize("case", EDITS)
def test_an_edit_changes_the_digest(case):
    old, new = EDITS[case]
    assert SOURCE.count(old) == 1
    before = digest(made(SOURCE))[0]
    assert digest(made(SOURCE.replace(old, new)))[0] != before
    assert digest(made(SOURCE))[0] == before


@pytest.mark.parametrize("case", IGNORED)
def test_what_no_number_depends_on_does_not(case):
    old, new = IGNORED[case]
    assert SOURCE.count(old) == 1
    assert digest(made(SOURCE.replace(old, new))) == digest(made(SOURCE))


def test_other_modules_are_named():
    assert digest(made(SOURCE))[1] & {"math", "os", "torch", "mine_module"} == {"math", "os"}


@pytest.mark.parametrize("seed", ["1", "2"])
def test_it_is_the_same_in_every_process(seed, tmp_path):
    (tmp_path / "mine_module.py").write_text(SOURCE)
    told = "from invsound.hooks.code import digest\nimport mine_module\nprint(digest(mine_module.Mine)[0])"
    found = subprocess.run(
        [sys.executable, "-c", told],
        cwd=tmp_path,
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == digest(made(SOURCE))[0], found.stderr


def test_what_cannot_be_read_is_known_in_this_process_alone():
    source = SOURCE.replace("UNUSED = 2.0, ", "UNUSED = (2.0, (x for x in ())), ").replace("* GAIN", "* GAIN[0]")
    one, other = made(source), made(source, "other_module")
    assert digest(one)[0] == digest(one)[0] != digest(other)[0]
