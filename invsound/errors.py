"""What can go wrong, said in one line: what, got, what is available, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InvsoundError(Exception):
    """A failure that is not a bug in invsound; the command line prints it without a traceback and exits 1."""

    exit_code = 1


class UsageError(InvsoundError):
    """A mistake in what was asked for: a name, an option, a file. Exit code 2."""

    exit_code = 2


class NonFiniteError(InvsoundError):
    """A NaN or an infinity; the message names the part it came from."""


def nearest(name: str, available: Iterable[str]) -> str | None:
    """The available name that is most like `name`, in whatever case; None when no one is near."""
    names = {other.casefold(): other for other in available}
    near = difflib.get_close_matches(name.casefold(), list(names), n=1, cutoff=0.5)
    return names[near[0]] if near else None


def did_you_mean(name: str, available: Iterable[str]) -> str:
    """`" Did you mean 'drum'?"`, or nothing when no available name is near."""
    near = nearest(name, available)
    return f" Did you mean {near!r}?" if near else ""
