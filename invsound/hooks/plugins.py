"""The plugins that are installed: what each offers, or why it is broken. Imports no part."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pluggy

from ..errors import InvsoundError, did_you_mean
from . import specs
from .specs import API_VERSION, Part

KINDS = {
    "synth": ("invsound_synths", ()),
    "feature": ("invsound_features", ("signal",)),
    "loss": ("invsound_losses", ("problem",)),
    "optimizer": ("invsound_optimizers", ("params",)),
    "encoder": ("invsound_encoders", ("signal", "num_outputs")),
    "solver": ("invsound_solvers", ()),
    "score": ("invsound_scores", ("signal",)),
}
"""kind → (its hook, what a part of this kind is built from, before its options)."""


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
    disabled = {name.strip().lower() for name in os.environ.get("INVSOUND_DISABLE_PLUGINS", "").split(",")}
    found: dict[tuple[str, str], Plugin] = {}
    for entry in importlib.metadata.entry_points(group="invsound"):
        distribution, version = _origin(entry)
        if not {distribution.lower(), entry.name.lower()} & disabled:
            found.setdefault((distribution, entry.name), _inspect(entry, distribution, version))
    return tuple(found[key] for key in sorted(found))


def _origin(entry: importlib.metadata.EntryPoint) -> tuple[str, str]:
    """Distribution and version; the hook module stands in for the name where the metadata are damaged."""
    metadata = entry.dist.metadata if entry.dist else None
    if metadata is None or "Name" not in metadata or "Version" not in metadata:
        return entry.value.partition(":")[0], "?"
    return metadata["Name"], metadata["Version"]


def _inspect(entry: importlib.metadata.EntryPoint, distribution: str, version: str) -> Plugin:
    try:
        module = entry.load()
        return Plugin(entry.name, distribution, version, tuple(_offers(module, distribution, version)))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a stranger's module may raise anything, SystemExit included
        reason = str(error) if isinstance(error, InvsoundError) else f"{type(error).__name__}: {error}"
        return Plugin(entry.name, distribution, version, broken=reason)


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
            yield from (Offer(kind, part, distribution, version) for part in parts)


def _check_names(kind: str, parts: list[Part]) -> None:
    """Raise InvsoundError for a part that could not be asked for by its name, or not be found by its target."""
    for part in parts:
        texts = all(isinstance(text, str) for text in (part.name, part.target, part.summary))
        if not texts or not re.fullmatch(r"\w[\w.-]*", part.name) or not re.fullmatch(r"[\w.]+:\w+", part.target):
            raise InvsoundError(f"{part!r} is not of the form Part('one-word', 'package.module:Class', 'summary').")
        if sum(other.name == part.name for other in parts) > 1:
            raise InvsoundError(f"It offers two {kind}s named {part.name!r}: rename one.")
