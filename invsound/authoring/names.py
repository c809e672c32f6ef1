"""What a new package and its parts are called, and where they live: names that work, and that nobody has yet."""

from __future__ import annotations

import importlib.metadata
import json
import keyword
import re
import sys
from dataclasses import dataclass

from ..errors import UsageError
from ..hooks import installed, registry
from ..hooks.installed import canonical

SUMMARIES = {
    "synth": "frequency-modulated bell",
    "feature": "log spectrogram in auditory bands",
    "loss": "errors of parameters, weighted by how much they are heard",
    "optimizer": "steps of one size along the sign of the momentum (Lion)",
    "encoder": "small network on a coarse spectrogram",
    "solver": "random search that narrows down, without gradients",
    "logger": "a table of all epochs, for spreadsheets",
    "executor": "a fresh process for every task",
    "command": "how loud a synthesizer's random sounds are",
}
"""kind → one line about its example, for the kinds that a template exists for."""


@dataclass(frozen=True)
class NewPart:
    """A part to be written: its kind and name, and the module and class it will live in; of a command, the function."""

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


def module(name: str) -> str:
    """The module of distribution `name`. Raises UsageError if it would hide a module that is there already."""
    _check(name, "package", "invsound-bell", longest=32)
    module = name.replace("-", "_")
    owners = installed.owners(module)
    owners -= {
        canonical(plugin.distribution) for plugin in registry.plugins() if plugin.distribution == name
    }  # a package may be written anew
    if module in sys.stdlib_module_names:
        owners = {"Python's standard library"}
    if owners or module in ("invsound", "src", "tests"):
        taken = f"belongs to {' and '.join(sorted(owners))}" if owners else "is taken"
        raise UsageError(f"The package {name!r} would be the module {module!r}, which {taken}. Try 'invsound-{name}'.")
    return module


def source(release: str) -> str:
    """What pip installs the invsound from that is installed here: its release, its repository; nothing of a folder of this machine."""
    try:
        origin = json.loads(importlib.metadata.distribution("invsound").read_text("direct_url.json") or "{}")
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""
    if "vcs_info" in origin:
        return f"git+{origin['url']}@{origin['vcs_info']['commit_id']}" if origin["vcs_info"].get("vcs") == "git" else ""
    return "" if origin else release


def part(kind: str, name: str, distribution: str, wanted: list[tuple[str, str]]) -> NewPart:
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
    return NewPart(kind, name, module, module if kind == "command" else "".join(word.capitalize() for word in words))
