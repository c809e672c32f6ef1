"""Every law on every part that a distribution offers, without pytest: what `invsound check-plugin` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest import SkipTest

from ..errors import InvsoundError, reason
from ..hooks.registry import Offer
from ..signal import Signal
from . import (  # noqa: F401  laws
    commands,
    common,
    encoders,
    executors,
    features,
    gradients,
    loggers,
    losses,
    optimizers,
    pretrained,
    reactions,
    renderings,
    solvers,
    synths,
)
from .commands import Called
from .law import PACKAGE_LAWS, PART_LAWS, Law
from .package import Package
from .pretrained import Kept
from .subject import Subject


@dataclass(frozen=True)
class Verdict:
    """What a law says of a distribution or part: status is ok, failed or skipped, with the reason, or what was found, in `message`."""

    subject: str
    law: str
    status: str
    message: str = ""


def subject_of(offer: Offer, given: Mapping[str, Any] | None = None, signal: Signal | None = None) -> Subject | Called | Kept:
    """What the laws of a kind are about. Raises InvsoundError if the part cannot be built."""
    if offer.kind == "command":
        return Called(offer)
    return Kept(offer) if offer.kind == "pretrained" else Subject(offer, given, signal)


def examine(distribution: str) -> Iterator[Verdict]:
    """Verdicts as they are reached. Raises UsageError if no such distribution is a plugin."""
    package = Package(distribution)
    for law in PACKAGE_LAWS:
        yield judge(law, package)
    for offer in package.offers:
        yield from examine_part(offer)


def examine_part(offer: Offer) -> Iterator[Verdict]:
    """The first verdicts; and the others, if the first ones are good."""
    failed = False
    for verdict in first_verdicts(offer):
        failed |= verdict.status == "failed"
        yield verdict
    rest = [law for law in PART_LAWS[offer.kind] if not law.first]
    if failed:
        yield Verdict(verdict.subject, "other laws", "skipped", f"{len(rest)} laws make no sense before")
        return
    subject = subject_of(offer)
    for law in rest:
        yield judge(law, subject)


def first_verdicts(offer: Offer) -> Iterator[Verdict]:
    """Whether the part builds, and is what it says: `invsound doctor` asks this of every part."""
    try:
        subject = subject_of(offer)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a stranger's part may raise anything
        why = str(error) if isinstance(error, InvsoundError) else f"It raised {reason(error)}."
        yield Verdict(f"{offer.kind} {offer.part.name}", "builds", "failed", f"{why} Mend: a part builds from its default options.")
        return
    yield Verdict(subject.label, "builds", "ok")
    for law in PART_LAWS[offer.kind]:
        if law.first:
            yield judge(law, subject)


def judge(law: Law, subject: Any) -> Verdict:
    try:
        return Verdict(subject.label, law.name, "ok", law(subject))
    except SkipTest as reason:
        return Verdict(subject.label, law.name, "skipped", str(reason))
    except AssertionError as broken:
        return Verdict(subject.label, law.name, "failed", str(broken).removeprefix(f"{subject.label}: {law.name}: "))
