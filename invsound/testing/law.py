"""A law: a sentence that every part of a kind keeps, and the function that finds where one does not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import SkipTest

from ..errors import said
from ..hooks.culprit import origin
from ..hooks.registry import KINDS

Check = Callable[[Any], "str | None"]


class Broken(AssertionError):
    """A law that does not hold: which, on what input, and how to mend it."""


@dataclass(frozen=True)
class Law:
    """Called with what it is about, a `Subject` or a `Package`, it raises Broken, SkipTest (it does not apply), or says what it found."""

    name: str
    statement: str
    mend: str
    check: Check
    first: bool = False
    """Whether the others make no sense without it."""

    def __call__(self, subject: Any) -> str:
        try:
            return self.check(subject) or ""
        except SkipTest:
            raise
        except Broken as error:
            raise Broken(self._report(subject, str(error))) from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise Broken(self._report(subject, f"It raised {type(error).__name__}{origin(error)}: {said(error)}")) from error

    def _report(self, subject: Any, finding: str) -> str:
        return f"{subject.label}: {self.name}: {self.statement} {finding.rstrip('.')}. Mend: {self.mend}"


PART_LAWS: dict[str, list[Law]] = {kind: [] for kind in KINDS}
"""kind → the laws of its parts, in the order in which they are checked."""

PACKAGE_LAWS: list[Law] = []
"""The laws of a distribution that offers parts."""


def law(*kinds: str, mend: str, first: bool = False) -> Callable[[Check], Check]:
    """Declare a function of a `Subject` a law of these kinds: its name is the law's, its docstring the statement."""

    def declare(check: Check) -> Check:
        for kind in kinds:
            PART_LAWS[kind].append(_law(check, mend, first))
            PART_LAWS[kind].sort(key=lambda known: not known.first)
        return check

    return declare


def package_law(mend: str) -> Callable[[Check], Check]:
    """Declare a function of a `Package` a law of distributions."""

    def declare(check: Check) -> Check:
        PACKAGE_LAWS.append(_law(check, mend))
        return check

    return declare


def _law(check: Check, mend: str, first: bool = False) -> Law:
    return Law(check.__name__.replace("_", " "), inspect.getdoc(check) or "", mend, check, first)


def hold(condition: Any, finding: str) -> None:
    """Raise Broken with what was found, and on what input, unless the condition holds."""
    if not bool(condition):
        raise Broken(finding)


def skip(reason: str) -> None:
    """This law does not apply here."""
    raise SkipTest(reason)
