"""Looks parts up by kind and name, and makes them. Imports no part until one is made."""

from __future__ import annotations

import contextlib
import importlib
import json
import shlex
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import InvsoundError, UsageError, did_you_mean, out_of_memory, reason
from . import objects, options
from .plugins import BUILT as BUILT
from .plugins import KINDS as KINDS
from .plugins import Offer as Offer
from .plugins import Plugin as Plugin
from .plugins import plugins as plugins

GET = (
    "Parts come in packages of their own: python -m pip install ./plugins/* in the root of invsound's repository installs all that it has, "
    "invsound new-plugin writes one."
)
"""What to do where no part is installed."""
_made: WeakKeyDictionary[Any, Offer] = WeakKeyDictionary()


def check_all() -> None:
    """Raise UsageError if any installed plugin is broken, naming each with its reason."""
    if broken := [f"{p.distribution} {p.version}: {p.broken}" for p in plugins() if p.broken]:
        raise UsageError(f"Broken plugins: {'; '.join(broken)} Mend or uninstall them, or leave out --strict-plugins.")


def offers(kind: str) -> list[Offer]:
    """All parts of one kind, in the order of their distributions' names."""
    return [offer for plugin in plugins() for offer in plugin.offers if offer.kind == kind]


def parts(kind: str | None = None) -> list[dict[str, str]]:
    """What is installed, all of it or one kind: kind, name (as it is to be written), distribution, version and summary. Imports no part."""
    found = [offer for one in ([kind] if kind else KINDS) for offer in offers(one)]
    names = [f"{o.distribution}:{o.part.name}" if rivals(o) else o.part.name for o in found]
    return [
        {"kind": o.kind, "name": name, "distribution": o.distribution, "version": o.version, "summary": o.part.summary}
        for o, name in zip(found, names, strict=True)
    ]


def rivals(offer: Offer) -> list[str]:
    """The other distributions that offer a part of the same kind and name."""
    return [o.distribution for o in offers(offer.kind) if o.part.name == offer.part.name and o != offer]


def suggestion(name: str, available: list[Offer]) -> str:
    """`" Did you mean 'piano'?"`: a part whose name is near; else the parts whose summary, or distribution, has the words."""
    words = name.casefold().split()
    about = [o for o in available if words and all(word in f"{o.part.summary} {o.distribution}".casefold() for word in words)]
    if (near := did_you_mean(name, [o.part.name for o in available])) and not (about and len(words) > 1):
        return near
    names = " or ".join(f"{o.part.name!r} ({o.kind}: {o.part.summary})" for o in about[:3])
    return f" Did you mean {names}?" if names else ""


def find(kind: str, name: str) -> Offer:
    """The part called `name`, or `distribution:name` where two distributions offer the same name, or the class that `take` has named so.

    Raises UsageError for a name that nobody, or more than one distribution, offers.
    """
    if given := objects.find(kind, name):
        return given
    available = offers(kind)
    distribution, _, bare = name.rpartition(":")
    matches = [o for o in available if o.part.name == bare and distribution in ("", o.distribution)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        choices = " or ".join(f"{o.distribution}:{bare}" for o in matches)
        raise UsageError(f"{len(matches)} distributions offer a {kind} named {bare!r}. Say which: {choices}.")
    broken = "".join(f" {p.distribution} is broken: {p.broken}" for p in plugins() if p.broken)
    raise UsageError(f"No {kind} named {name!r}.{suggestion(name, available)} Installed: {listing(kind)}{broken}")


def take(kind: str, part: Any) -> str:
    """The name of a class or an object that is given as a part: its own in a plugin, else one that `find` knows in this process."""
    cls = part if isinstance(part, type) else type(part)
    for offer in offers(kind):
        if offer.part.target == f"{cls.__module__}:{cls.__qualname__}" or _made.get(part) == offer:
            return f"{offer.distribution}:{offer.part.name}" if rivals(offer) else offer.part.name
    return objects.take(kind, cls)


def listing(kind: str) -> str:
    """The parts of a kind, for the end of a message; where there is none, how to get some."""
    return f"{', '.join(offer.label for offer in offers(kind))}." if offers(kind) else f"none. {GET}"


def load(offer: Offer) -> Any:
    """The class behind an offer, or what a command calls. Raises InvsoundError with the reason if it cannot be imported."""
    module, _, attribute = offer.part.target.partition(":")
    try:
        cls = objects.load(offer) or getattr(importlib.import_module(module), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InvsoundError(f"The {offer.kind} {offer.label} cannot be loaded from {offer.part.target}: {reason(error)}") from error
    if offer.kind in BUILT and not options.is_options(getattr(cls, "Options", None)):
        raise InvsoundError(
            f"The {offer.kind} {offer.label} has no Options: {offer.part.target} needs a class attribute Options, a dataclass."
        )
    return cls


def build(kind: str, name: str, given: Any = (), **context: Any) -> Any:
    """Make a part from its context and a mapping of options. Raises UsageError for a wrong name, option, type or value."""
    offer = find(kind, name)
    cls = load(offer)
    try:
        chosen = options.resolve(cls.Options, dict(given), f"{kind} {offer.part.name}")
        made = cls(*(context[key] for key in KINDS[kind][1] or ()), chosen)
        with contextlib.suppress(TypeError):  # a class without weak references or a hash goes by its own name
            _made[made] = offer
        return made
    except ValueError as error:
        raise UsageError(f"The {kind} {offer.label} cannot be built: {error}") from error
    except (InvsoundError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if out_of_memory(error):
            raise
        raise InvsoundError(f"The {kind} {offer.label} failed while being built. {reason(error)}") from error


def named(part: Any) -> str:
    """`"The synth bell (invsound-bell 0.1)"`; of a part that was made by hand, its class."""
    return f"The {offer.kind} {offer.label}" if (offer := _made.get(part)) else f"The {type(part).__name__}"


def retyped(part: Any) -> str:
    """`"--synth bell synth.note=60"`, the options that are no defaults, quoted for a shell; empty of one that has no name there."""
    if (offer := _made.get(part)) is None or objects.load(offer):
        return ""
    name = offer.part.name if not rivals(offer) else f"{offer.distribution}:{offer.part.name}"
    pairs = (
        f"{offer.kind}.{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in options.unusual(part.options).items()
    )
    return shlex.join([f"--{offer.kind}", name, *pairs])


def make(kind: str, name: str | type, **keywords: Any) -> Any:
    """A part by kind and name, or class, options by keyword: `make("feature", name, signal=synth.signal, J=10)`.

    What a kind is built from is a keyword too: `signal` (feature, score, encoder), `problem` (loss), `params`
    (optimizer), `num_outputs` (encoder). Raises UsageError for anything unknown.
    """
    if kind not in BUILT:
        raise UsageError(f"No kind of part named {kind!r}.{did_you_mean(kind, BUILT)} Kinds: {', '.join(BUILT)}.")
    needed = KINDS[kind][1] or ()
    missing = [key for key in needed if key not in keywords]
    if missing:
        raise UsageError(f"A {kind} is built from {', '.join(needed)}: give {', '.join(missing)}=… too.")
    context = {key: keywords.pop(key) for key in needed}
    return build(kind, name if isinstance(name, str) else take(kind, name), keywords, **context)
