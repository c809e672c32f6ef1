"""What can go wrong, said in one line: what, got, what is available, what to do."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

LONGEST = 500
"""Characters of a stranger's error that are repeated."""


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
    """`" Did you mean 'piano'?"`, or nothing when no available name is near."""
    near = nearest(name, available)
    return f" Did you mean {near!r}?" if near else ""


def visible(text: str) -> str:
    """`text` on one line, and with `\\x1b` for what a terminal would obey or cannot show: controls, marks of direction, stray bytes."""
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def printable(text: str) -> str:
    """`text` with each of its lines visible."""
    return "\n".join(map(visible, text.split("\n")))


def _escaped(char: str) -> str:
    byte = ord(char) - 0xDC00  # how Python holds a byte of a file name that is no UTF-8
    return f"\\x{byte:02x}" if 0x80 <= byte < 0x100 else char.encode("unicode_escape").decode()


def reason(error: BaseException) -> str:
    """`"KeyError: 'boom'"`; of an error of our own, what it says."""
    return str(error) if isinstance(error, InvsoundError) else f"{type(error).__name__}: {said(error)}"


def said(error: BaseException) -> str:
    """What an error says, on one line and not for ever; a stranger's may be unable to say anything."""
    try:
        text = visible(" ".join(str(error).split()))
    except Exception:
        text = "it cannot be printed"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


SHORT = ("allocate memory", "not enough memory", "out of memory", "bad_alloc", "bad allocation", "failed to map segment")


def out_of_memory(error: BaseException) -> bool:
    """Whether it says, in whichever of the system's and of torch's words, that there is no memory left."""
    told = isinstance(error, (RuntimeError, ImportError, OSError)) and any(word in str(error).casefold() for word in SHORT)
    return told or isinstance(error, MemoryError)


LIMITS = {
    errno.EFBIG: "The limit on the size of files (ulimit -f) is too low for it.",
    errno.EMFILE: "Raise the limit on open files (ulimit -n), or use fewer --jobs.",
    errno.EAGAIN: "Raise the limit on processes (ulimit -u), or use fewer --jobs.",
}


def remedy(error: OSError, otherwise: str = "") -> str:
    """What to do about a refusal of the system: where it is a limit, that is it."""
    return LIMITS.get(error.errno or 0, otherwise)
