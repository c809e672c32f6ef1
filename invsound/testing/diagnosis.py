"""Every installed plugin and part, each imported in a process of its own: what `invsound doctor` prints of them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import reason
from ..hooks import plugins
from ..hooks.installed import Entry
from ..hooks.plugins import Offer, Plugin
from ..hooks.registry import GET
from ..hooks.specs import Part
from .examine import first_verdicts
from .isolated import Lost, isolated

AT_ONCE = 4
DISABLE = "INVSOUND_DISABLE_PLUGINS"


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is well, and what was found."""

    check: str
    ok: bool
    finding: str


def diagnose(seconds: float) -> Iterator[Finding]:
    """Findings on every plugin and part, none of which may take more than `seconds`. Nothing of theirs is imported in this process."""
    entries = sorted(plugins.enabled(), key=lambda entry: (entry.distribution, entry.name))
    with _at_once() as pool:
        found = list(pool.map(lambda entry: _plugin(entry, seconds), entries))
        names = {plugin: _disabling(plugin, found) for plugin in found}
        disabled = ",".join([os.environ.get(DISABLE, ""), *(names[plugin] for plugin in found if plugin.broken)])
        offers = [offer for plugin in found for offer in plugin.offers]
        findings = dict(zip(offers, pool.map(lambda offer: _finding(offer, offers, disabled, seconds), offers), strict=True))
    for plugin in found:
        if plugin.broken:
            advice = f"mend it, or uninstall it, or set {DISABLE}={names[plugin]}"
            yield Finding(f"plugin {plugin.distribution} {plugin.version}", False, f"{plugin.broken} — {advice}")
        yield from (findings[offer] for offer in plugin.offers)
    for kind in ("synth", "feature"):  # without which there is nothing to do
        if not any(offer.kind == kind for offer in offers):
            yield Finding(f"{kind}s", False, f"none is installed. {GET}")


@contextmanager
def _at_once() -> Iterator[ThreadPoolExecutor]:
    """A pool of which an interruption waits only for what has begun."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _disabling(plugin: Plugin, found: list[Plugin]) -> str:
    """What leaves out a plugin, and no other plugin of its distribution."""
    alone = sum(other.distribution == plugin.distribution for other in found) == 1
    return plugin.distribution if alone else plugin.name


def _plugin(entry: Entry, seconds: float) -> Plugin:
    if entry.damage:
        return plugins.inspect(entry)
    try:
        offers, broken = isolated(inspected, dataclasses.asdict(entry), seconds=seconds)
    except Lost as lost:
        return Plugin(entry.name, entry.distribution, entry.version, broken=f"its import {lost}")
    return Plugin(entry.name, entry.distribution, entry.version, tuple(map(_offer, offers)), broken)


def _offer(row: dict[str, Any]) -> Offer:
    return Offer(**{**row, "part": Part(**row["part"])})


def _finding(offer: Offer, offers: list[Offer], disabled: str, seconds: float) -> Finding:
    check, rivals = f"{offer.kind} {offer.label}", [o for o in offers if (o.kind, o.part.name) == (offer.kind, offer.part.name)]
    try:
        fault = isolated(examined, dataclasses.asdict(offer), disabled, seconds=seconds)
    except Lost as lost:
        fault = f"its import or construction {lost} — mend it, or uninstall it, or set {DISABLE}={offer.distribution}"
    if not fault and len(rivals) > 1:
        others = " and ".join(other.distribution for other in rivals if other != offer)
        fault = f"the name is also offered by {others}: write {offer.distribution}:{offer.part.name}"
    return Finding(check, not fault, fault or "builds")


def inspected(entry: dict[str, str]) -> tuple[list[dict[str, Any]], str]:
    """What a hook module offers, and why it is broken."""
    try:
        plugin = plugins.inspect(Entry(**entry))
    except KeyboardInterrupt as error:  # nobody pressed a key
        return [], reason(error)
    return [dataclasses.asdict(offer) for offer in plugin.offers], plugin.broken


def examined(offer: dict[str, Any], disabled: str) -> str:
    """Why a part is not what it says, its small instance that is; empty if it is. Plugins that are `disabled` do not disturb it."""
    os.environ[DISABLE] = disabled
    try:
        return next((verdict.message for verdict in first_verdicts(_offer(offer)) if verdict.status == "failed"), "")
    except BaseException as error:
        return f"it raised {reason(error)}"
