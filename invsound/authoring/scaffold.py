"""A new plugin package, written from the templates in the templates beside this file."""

from __future__ import annotations

import datetime
import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..hooks import registry
from ..hooks.specs import API_VERSION
from ..system import files
from ..system.version import VERSION
from . import names
from .names import SUMMARIES, NewPart

ALONE = ("solver", "command", "logger")
"""Kinds that a run takes no --KIND of."""


@dataclass(frozen=True)
class NewPlugin:
    """What was written, and the three lines to type next."""

    folder: Path
    files: list[str]
    next: list[str]


def write(name: str, parts: Mapping[str, Iterable[str]], out: Path | None = None, author: str = "") -> NewPlugin:
    """Write the package of distribution `name` with `parts` (kind → names) into the new folder `out`, `./name` if not given.

    Without parts it gets a synth named after the package. Raises UsageError for a name that cannot be, or is taken, and if
    `out` exists; InvsoundError if the disk refuses.
    """
    folder, module = out or Path(name), names.module(name)
    wanted = [(kind, part) for kind in SUMMARIES for part in parts.get(kind, ())] or [("synth", name.removeprefix("invsound-"))]
    made = [names.part(kind, part, name, wanted) for kind, part in wanted]
    if len({part.module for part in made}) < len(made):
        raise UsageError(f"The parts {', '.join(part.label for part in made)} would share a file. Choose names that differ more.")
    if not author.isprintable():
        raise UsageError(f"An author is one line of text, got {author!r}.")
    files.check_folder(folder)
    commands = _use(made)
    texts = _render(name, module, made, author, " && ".join(commands))
    if not files.make_folder(folder):
        raise UsageError(f"{str(folder)!r} exists, and nothing in it was touched. Choose another name or --out, or remove it first.")
    for path, text in texts.items():
        files.write_text(folder / path, text)
    place = shlex.quote(str(folder))
    return NewPlugin(folder, sorted(texts), [f"pip install -e {place} pytest", f"pytest {place}", " && ".join(commands)])


def _use(parts: list[NewPart]) -> list[str]:
    """The command that tries the new parts out, with the first installed synth and feature where a new one needs them."""
    new = {kind: next(part.name for part in parts if part.kind == kind) for kind in dict.fromkeys(part.kind for part in parts)}
    synth, feature = (new.get(kind) or next((o.part.name for o in registry.offers(kind)), "NAME") for kind in ("synth", "feature"))
    named = {kind: name for kind, name in {"synth": synth, "feature": feature, **new}.items() if kind not in ALONE}
    run = "".join(f" --{kind} {name}" for kind, name in named.items()) + (f" train.log=[{new['logger']}]" if "logger" in new else "")
    if set(new) == {"command"}:
        return [f"invsound {new['command']} --synth {synth}"]
    if set(new) - {"command"} != {"solver"}:
        return [f"invsound run{run}"]
    render = f"invsound render --synth {synth} --out target.wav"
    return [render, f"invsound match target.wav --synth {synth} --feature {feature} --solver {new['solver']}"]


def _render(name: str, module: str, parts: list[NewPart], author: str, use: str) -> dict[str, str]:
    """path in the package → its text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("invsound.authoring"), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["toml"] = lambda text: json.dumps(text, ensure_ascii=False)
    hooks = [(registry.KINDS[kind][0], [part for part in parts if part.kind == kind]) for kind in SUMMARIES]
    major, minor = map(int, VERSION.split(".")[:2])
    release = f"invsound>={major}.{minor},<{major}.{minor + 1}"
    environment.globals |= {
        "name": name, "module": module, "parts": parts, "hooks": [hook for hook in hooks if hook[1]], "author": author, "use": use,
        "api": API_VERSION, "year": datetime.date.today().year, "invsound": release, "source": names.source(release),
    }  # fmt: skip
    package = Path("src") / module
    sources = {
        Path("pyproject.toml"): "pyproject.toml", Path("README.md"): "README.md", Path("LICENSE"): "LICENSE",
        Path(".gitignore"): "gitignore", Path(".github/workflows/tests.yml"): "workflow.yml", package / "__init__.py": "hook.py",
    }  # fmt: skip
    texts = {path.as_posix(): environment.get_template(f"{template}.jinja").render() for path, template in sources.items()}
    for part in parts:
        texts[(package / f"{part.module}.py").as_posix()] = environment.get_template(f"{part.kind}.py.jinja").render(part=part)
        texts[f"tests/test_{part.module}.py"] = environment.get_template(f"test_{part.kind}.py.jinja").render(part=part)
    return texts
