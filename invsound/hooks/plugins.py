"""The plugins that are installed: what each offers, or why it is broken. Imports no part."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pluggy

from ..errors import InvsoundError, did_you_mean, reason, visible
from . import specs
from .installed import Entry, canonical, entries
from .specs import API_VERSION, Part

KINDS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "synth": ("invsound_synths", ()),
    "feature": ("invsound_features", ("signal",)),
    "loss": ("invsound_losses", ("problem",)),
    "optimizer": ("invsound_optimizers", ("params",)),
    "encoder": ("invsound_encoders", ("signal", "num_outputs")),
    "solver": ("invsound_solvers", ()),
    "score": ("invsound_scores", ("signal",)),
    "logger": ("invsound_loggers", ("folder",)),
    "executor": ("invsound_executors", ()),
    "pretrained": ("invsound_pretrained", None),
    "command": ("invsound_commands", None),
}
"""kind → (its hook, what a part of this kind is built from, before its options; None of what is not built)."""
BUILT = tuple(kind for kind, (_, context) in KINDS.items() if context is not None)
"""The kinds whose parts are built, from options."""
COMMANDS = (
    "run", "evaluate", "sweep", "compare", "match", "hear", "render", "export", "list-plugins", "new-plugin", "check-plugin", "cache",
    "doctor",
)  # fmt: skip
"""The commands that are invsound's own."""


@dataclass(frozen=True)
class Offer:
    """A part and who offers it."""

    kind: str
    part: Part
    distribution: str
    version: str

    @property
    def label(self) -> str:
        return f"{self.part.name} ({self.distribution} {self.version})"

    def goes_by(self, name: str) -> bool:
        """Whether it may be asked for by this name: its own, or with that of its distribution."""
        return name in (self.part.name, f"{self.distribution}:{self.part.name}")


@dataclass(frozen=True)
class Plugin:
    """An installed plugin: what it offers, or the reason why it is broken."""

    name: str
    distribution: str
    version: str
    offers: tuple[Offer, ...] = ()
    broken: str = ""


@functools.cache
def plugins() -> tuple[Plugin, ...]:
    """Every installed plugin, in the order of their distributions' names; a broken one is listed with its reason."""
    found = {(entry.distribution, entry.name): entry for entry in reversed(enabled())}
    return tuple(inspect(found[key]) for key in sorted(found))


def enabled() -> list[Entry]:
    """The entry points that INVSOUND_DISABLE_PLUGINS names neither themselves nor by their distribution; nothing is imported."""
    disabled = {canonical(name.strip()) for name in os.environ.get("INVSOUND_DISABLE_PLUGINS", "").split(",")}
    return [entry for entry in entries() if not {canonical(entry.distribution), canonical(entry.name)} & disabled]


def inspect(entry: Entry) -> Plugin:
    """What the hook module offers, or why it is broken."""
    named = (entry.name, entry.distribution, entry.version)
    if entry.damage:
        return Plugin(*named, broken=entry.damage)
    try:
        return Plugin(*named, tuple(_offers(entry.load(), entry.distribution, entry.version)))
    except KeyboardInterrupt as error:
        leave = f"INVSOUND_DISABLE_PLUGINS={entry.distribution} leaves it out, invsound doctor examines it"
        raise KeyboardInterrupt(f"while the plugin {entry.distribution} was imported ({leave})") from error
    except BaseException as error:  # a stranger's module may raise anything, SystemExit included
        return Plugin(*named, broken=reason(error))


def _offers(module: Any, distribution: str, version: str) -> Iterator[Offer]:
    api = getattr(module, "INVSOUND_API", API_VERSION)
    if api not in (API_VERSION, API_VERSION - 1):
        raise InvsoundError(f"it was written for plugin API {api}; this invsound speaks {API_VERSION} and {API_VERSION - 1}.")
    manager = pluggy.PluginManager("invsound")
    manager.add_hookspecs(specs)
    hooks = {hook: kind for kind, (hook, _) in KINDS.items()}
    for name in dir(module):
        if manager.parse_hookimpl_opts(module, name) and name not in hooks:
            raise InvsoundError(f"there is no hook {name!r}.{did_you_mean(name, hooks)} Available: {', '.join(hooks)}.")
    manager.register(module)
    for hook, kind in hooks.items():
        for parts in getattr(manager.hook, hook)():
            if not isinstance(parts, list) or not all(isinstance(part, Part) for part in parts):
                raise InvsoundError(f"{hook} returned {parts!r}; a hook returns a list of invsound.Part.")
            _check_names(kind, parts)
            for part in parts:
                yield Offer(kind, Part(part.name, part.target, visible(part.summary)), distribution, version)


def _check_names(kind: str, parts: list[Part]) -> None:
    """Raise InvsoundError for a part that could not be asked for by its name, or not be found by its target."""
    for part in parts:
        texts = all(isinstance(text, str) for text in (part.name, part.target, part.summary))
        if not texts or not re.fullmatch(r"\w[\w.-]*", part.name) or not re.fullmatch(r"[\w.]+:\w+", part.target):
            raise InvsoundError(f"{part!r} is not of the form Part('one-word', 'package.module:Class', 'summary').")
        if sum(other.name == part.name for other in parts) > 1:
            raise InvsoundError(f"It offers two {kind}s named {part.name!r}: rename one.")
        if kind == "command" and part.name in COMMANDS:
            raise InvsoundError(f"It offers a command named {part.name!r}, which is invsound's own: rename it.")
