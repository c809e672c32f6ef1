"""A new plugin package, written from the templates in the templates beside this file."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import keyword
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..hooks import registry
from ..hooks.specs import API_VERSION
from ..system import files
from ..system.version import VERSION

SUMMARIES = {
    "synth": "frequency-modulated bell",
    "feature": "log spectrogram in auditory bands",
    "loss": "errors of parameters, weighted by how much they are heard",
    "optimizer": "steps of one size along the sign of the momentum (Lion)",
    "encoder": "small network on a coarse spectrogram",
    "solver": "random search that narrows down, without gradients",
}
"""kind → one line about its example, for the kinds that a template exists for."""


@dataclass(frozen=True)
class NewPart:
    """A part to be written: its kind and name, and the module and class it will live in."""

    kind: str
    name: str
    module: str
    cls: str

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def summary(self) -> str:
        return SUMMARIES[self.kind]


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
    folder, module = out or Path(name), _module(name)
    wanted = [(kind, part) for kind in SUMMARIES for part in parts.get(kind, ())] or [("synth", name.removeprefix("invsound-"))]
    made = [_part(kind, part, name, wanted) for kind, part in wanted]
    if len({part.module for part in made}) < len(made):
        raise UsageError(f"The parts {', '.join(part.label for part in made)} would share a file. Choose names that differ more.")
    if not author.isprintable():
        raise UsageError(f"An author is one line of text, got {author!r}.")
    if folder.exists():
        raise UsageError(f"{str(folder)!r} exists, and nothing in it was touched. Choose another name or --out, or remove it first.")
    commands = _use(made)
    texts = _render(name, module, made, author, " && ".join(commands))
    for path, text in texts.items():
        files.write_text(folder / path, text)
    place = shlex.quote(str(folder))
    return NewPlugin(folder, sorted(texts), [f"pip install -e {place}", f"pytest {place}", " && ".join(commands)])


def _check(name: str, noun: str, example: str, longest: int) -> None:
    def allowed(name: str) -> bool:
        return len(name) <= longest and re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) is not None

    if not allowed(name):
        near = re.sub(r"[-_.\s]+", "-", name).lower().strip("-")
        raise UsageError(
            f"A {noun}'s name is at most {longest} lowercase letters, digits and single hyphens, and begins with a letter, "
            f"such as {example!r}; got {name!r}.{f' Did you mean {near!r}?' if allowed(near) else ''}"
        )
    if any(keyword.iskeyword(word) or keyword.issoftkeyword(word) for word in (name, name.capitalize())):
        raise UsageError(f"{name!r} is a word of Python's own, so no {noun} can have that name. Choose another, such as {example!r}.")


def _module(name: str) -> str:
    """The module of distribution `name`. Raises UsageError if it would hide a module that is there already."""
    _check(name, "package", "invsound-bell", longest=32)
    module = name.replace("-", "_")
    owners = {owner.lower().replace("_", "-") for owner in importlib.metadata.packages_distributions().get(module, ())}
    owners -= {plugin.distribution for plugin in registry.plugins() if plugin.distribution == name}  # a package may be written anew
    if module in sys.stdlib_module_names:
        owners = {"Python's standard library"}
    if owners or module in ("invsound", "src", "tests"):
        taken = f"belongs to {' and '.join(sorted(owners))}" if owners else "is taken"
        raise UsageError(f"The package {name!r} would be the module {module!r}, which {taken}. Try 'invsound-{name}'.")
    return module


def _part(kind: str, name: str, distribution: str, wanted: list[tuple[str, str]]) -> NewPart:
    """Where the part lives: in bell.py, class Bell; where two kinds share the name, in bell_synth.py, class BellSynth."""
    _check(name, kind, "bell", longest=30)
    others = [o.distribution for o in registry.offers(kind) if o.part.name == name and o.distribution != distribution]
    if others:
        raise UsageError(f"There is a {kind} {name!r} already, from {' and '.join(others)}. Choose another name.")
    if wanted.count((kind, name)) > 1:
        raise UsageError(f"The {kind} {name!r} is given twice. Give each part once.")
    shared = sum(name == other for _, other in wanted) > 1
    words = [*name.split("-"), *([kind] if shared else [])]
    module = "_".join(words)
    return NewPart(kind, name, module, "".join(word.capitalize() for word in words))


def _use(parts: list[NewPart]) -> list[str]:
    """The command that tries the new parts out, with the first installed synth and feature where a new one needs them."""
    new = {kind: next(part.name for part in parts if part.kind == kind) for kind in dict.fromkeys(part.kind for part in parts)}
    synth, feature = (new.get(kind) or next((o.part.name for o in registry.offers(kind)), "NAME") for kind in ("synth", "feature"))
    run = "".join(f" --{kind} {name}" for kind, name in {"synth": synth, "feature": feature, **new}.items() if kind != "solver")
    if set(new) != {"solver"}:
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
    environment.globals |= {
        "name": name, "module": module, "parts": parts, "hooks": [hook for hook in hooks if hook[1]], "author": author, "use": use,
        "api": API_VERSION, "year": datetime.date.today().year, "invsound": f"invsound>={major}.{minor},<{major}.{minor + 1}",
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
