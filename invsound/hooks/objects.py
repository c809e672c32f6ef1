"""Classes that are given where a name is taken: each is known, in this process, by where it is from and what it computes with."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import sys
from typing import Any

from ..errors import UsageError
from .code import MAIN, digest, home
from .plugins import Offer
from .specs import Part

_known: dict[tuple[str, str], tuple[Offer, type, frozenset[str]]] = {}


def take(kind: str, cls: type) -> str:
    """The name `"module:Class@digest"` of a class, by which it is found from here on; once it is edited, it has another."""
    target = f"{home(cls)}:{cls.__qualname__}"
    code, modules = digest(cls)
    name, summary = f"{target}@{code}", (cls.__doc__ or "").partition("\n")[0]
    _known[kind, name] = Offer(kind, Part(cls.__qualname__, target, summary), home(cls), code), cls, modules
    return name


def find(kind: str, name: str) -> Offer | None:
    """The class of that name; None if it is the name of a plugin's part. Raises UsageError for a class that is not at hand."""
    if (kind, name) in _known:
        return _known[kind, name][0]
    target, at, code = name.partition("@")
    if not at:
        return None
    module, _, cls = target.rpartition(":")
    if any(of == kind and other.partition("@")[0] == target for of, other in _known):
        raise UsageError(
            f"The {kind} {cls} of {module} has changed: it, or what it computes with, is not what had the digest {code}. "
            "Undo the change and give it again, or begin a new run."
        )
    raise UsageError(
        f"The {kind} {cls} was given to Python as a class of {module}, and is not at hand. Give it again there: "
        f"invsound.resume(folder, {kind}={cls}), or invsound.run(config=…, {kind}={cls})."
    )


def load(offer: Offer) -> Any:
    """The class behind an offer, if it was given; else None."""
    return next((cls for known, cls, _ in _known.values() if known is offer), None)


def origin(kind: str, name: str) -> dict[str, str] | None:
    """Where a given class is from: module and name, its file, the digest of what it computes with and its source; None of another part."""
    if (kind, name) not in _known:
        return None
    offer, cls, _ = _known[kind, name]
    functions = [value for value in vars(cls).values() if inspect.isfunction(value)]
    file = functions[0].__code__.co_filename if functions else ""
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):  # a notebook has cells, and no file
        source = "\n".join(filter(None, map(_source, functions)))
    return {"class": offer.part.target, "file": file, "digest": offer.version, "source": source}


def _source(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def imported(offer: Offer) -> frozenset[str]:
    """The other top-level modules that a given class names."""
    return next((modules for known, _, modules in _known.values() if known is offer), frozenset())


def is_given(name: str) -> bool:
    """Whether a part's name is that of a given class."""
    return "@" in name


def short(name: str) -> str:
    """What a part is called where there is little room: of a class its own name."""
    return name.partition("@")[0].rpartition(":")[2] if is_given(name) else name


def check_importable(kind: str, name: str) -> None:
    """Raise UsageError for a given class that a worker process cannot import."""
    if not is_given(name):
        return
    offer, cls, _ = _known[kind, name]
    module: Any = sys.modules.get(offer.distribution)
    try:
        there = getattr(module, "__file__", None) or (offer.distribution != MAIN and importlib.util.find_spec(offer.distribution))
    except (ImportError, ValueError):
        there = False
    if not there or functools.reduce(lambda at, key: getattr(at, key, None), offer.part.name.split("."), module) is not cls:
        raise UsageError(
            f"The {kind} {offer.part.name} is known to this session alone, and worker processes cannot import it: give jobs=1, or put it "
            "in a module of its own, a file that you import."
        )


def again(kind: str, name: str) -> None:
    """In a worker process: import a class that the process which asks was given. Raises UsageError where it is another here."""
    if is_given(name) and (kind, name) not in _known:
        module, _, path = name.partition("@")[0].rpartition(":")
        found: Any = importlib.import_module(module)
        take(kind, functools.reduce(getattr, path.split("."), found))
        find(kind, name)
