"""Runs the code of the documentation: `pytest docs`.

Each page has a scratch folder, in which its blocks run from top to bottom. A block of Python is executed; with a `:caption:` it is a
file, and is written. A block of bash is executed, with this Python and these packages. `<!-- skip: next -->` marks what takes minutes,
and blocks of `sh` are for the reader: they install things.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.myst import CodeBlockParser, SkipParser

from invsound.hooks import registry

APPEND = "at the end of "
RECORDINGS = Path(__file__).parent.parent / "examples" / "recordings"


def begin(namespace):
    """A scratch folder, and an environment that sees the packages of this one: what a page installs stays in it."""
    namespace["home"] = os.getcwd()
    namespace["scratch"] = folder = tempfile.TemporaryDirectory(prefix="invsound-docs-")
    scratch, environment = Path(folder.name), Path(folder.name) / ".environment"
    venv.create(environment)
    site = next(environment.glob("lib*/**/site-packages"))
    (site / "these.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    command = environment / "bin" / "invsound"
    command.write_text('#!/bin/sh\nexec python -m invsound "$@"\n')
    command.chmod(0o755)
    (scratch / "recordings").symlink_to(RECORDINGS)
    os.environ |= {"INVSOUND_CACHE": str(scratch / ".cache"), "PYTHONPATH": str(scratch), "OMP_NUM_THREADS": "1"}
    os.chdir(scratch)
    sys.path.insert(0, str(scratch))


def end(namespace):
    sys.path.remove(namespace["scratch"].name)
    os.chdir(namespace["home"])
    namespace["scratch"].cleanup()
    registry.plugins.cache_clear()


def write(name, text):
    """A file of the page. A hook module counts as installed: a distribution of its name is written next to it."""
    path = Path(name.removeprefix(APPEND))
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_text() + "\n" + text if name.startswith(APPEND) else text
    if path.suffix == ".py":
        compile(text, path, "exec")
    path.write_text(text)
    if "@hookimpl" in text and path.parent == Path():
        info = Path(f"{path.stem}-1.0.dist-info")
        info.mkdir()
        requires = "Requires-Dist: invsound\nRequires-Dist: torch\n"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {path.stem}\nVersion: 1.0\n{requires}")
        (info / "entry_points.txt").write_text(f"[invsound]\n{path.stem} = {path.stem}\n")
        registry.plugins.cache_clear()


def caption(example):
    return example.region.lexemes.get("options", {}).get("caption")


def python(example):
    if caption(example):
        write(caption(example), example.parsed)
    else:
        PythonEvaluator()(example)


def text(example):
    if caption(example):
        write(caption(example), example.parsed)


def bash(example):
    path = f"{Path.cwd() / '.environment' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", example.parsed], env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{example.parsed}\nended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


pytest_collect_file = Sybil(
    parsers=[CodeBlockParser("python", python), CodeBlockParser("bash", bash), CodeBlockParser("text", text), SkipParser()],
    patterns=["*.md"],
    excludes=["_build/*"],
    setup=begin,
    teardown=end,
).pytest()
