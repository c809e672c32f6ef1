"""`invsound list-plugins`."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Optional

import typer

from ..errors import UsageError
from .output import print_json, say


def list_plugins(
    name: Annotated[Optional[str], typer.Argument(help="A part, to print its options.")] = None,  # noqa: UP045
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List installed parts by kind, and broken plugins with the reason; or one part's parameters and options."""
    from ..hooks import registry

    if name is not None:
        _details(name, json)
        return
    rows = [
        _head(o) | ({"clash": ", ".join(registry.rivals(o))} if registry.rivals(o) else {})
        for kind in registry.KINDS
        for o in registry.offers(kind)
    ]
    broken = [
        {"plugin": p.name, "distribution": p.distribution, "version": p.version, "reason": p.broken} for p in registry.plugins() if p.broken
    ]
    if json:
        print_json({"parts": rows, "broken": broken})
        return
    width = {key: max((len(row[key]) for row in rows), default=0) for key in ("kind", "name")}
    for row in rows:
        source = f"{row['distribution']} {row['version']}"
        clash = f"  (also offered by {row['clash']}: write {row['distribution']}:{row['name']})" if "clash" in row else ""
        say(f"{row['kind']:<{width['kind']}}  {row['name']:<{width['name']}}  {source:<22}  {row['summary']}{clash}".rstrip())
    for row in broken:
        say(f"broken: {row['distribution']} {row['version']} ({row['plugin']}): {row['reason']}")


def _head(offer: Any) -> dict[str, Any]:
    source = {"distribution": offer.distribution, "version": offer.version}
    return {"kind": offer.kind, "name": offer.part.name} | source | {"summary": offer.part.summary}


def _details(name: str, as_json: bool) -> None:
    from ..hooks import registry

    everything = [o for kind in registry.KINDS for o in registry.offers(kind)]
    chosen = [o for o in everything if o.goes_by(name)]
    if not chosen:
        names = sorted({o.part.name for o in everything})
        raise UsageError(f"No part named {name!r}.{registry.suggestion(name, everything)} Installed: {', '.join(names)}.")
    described = [_describe(offer) for offer in chosen]
    if as_json:
        print_json(described)
        return
    for part in described:
        say(f"{part['kind']} {part['name']} ({part['distribution']} {part['version']}): {part['summary']}")
        if "asks" in part:
            say(f"  parameters: as its options say. {part['asks']}")
        for p in part.get("parameters", []):
            say(f"  parameter {p['name']}: {_range(p)}. {p['doc']}".rstrip())
        if part["kind"] == "command":
            say(f"  invsound {part['name']} --help")
        if part["kind"] == "pretrained":
            say(f"  invsound hear SOUND --with {part['name']}")
        for option in part["options"]:
            takes = ", ".join(filter(None, [option["type"], option["bounds"]]))
            say(f"  {part['kind']}.{option['name']}={option['default']!r} ({takes}): {option['help']}".rstrip(": "))


def _range(p: dict[str, Any]) -> str:
    """`0 to 8 Hz, linear, in steps of 1`, or the options of a choice."""
    if "options" in p:
        return f"one of {', '.join(p['options'])}"
    steps = f", in steps of {p['step']:g}" if "step" in p else ""
    return f"{p['low']:.6g} to {p['high']:.6g} {p['unit']}, {p['scale']}{steps}"


def _describe(offer: Any) -> dict[str, Any]:
    from ..hooks import bounds, options, registry

    cls = registry.load(offer)
    if offer.kind not in registry.BUILT:
        return _head(offer) | {"options": []}
    lines = options.help_lines(cls.Options)
    fields = [
        {
            "name": f.name,
            "type": options.type_name(f),
            "default": bounds.default(f),
            "help": lines.get(f.name, ""),
            "bounds": str(bounds.bounds(cls.Options, f.name)),
        }
        for f in dataclasses.fields(cls.Options)
    ]
    parameters = _parameters(offer) if offer.kind == "synth" else {}
    return _head(offer) | parameters | {"options": fields}


def _parameters(offer: Any) -> dict[str, Any]:
    """Those of a synth as it comes; or what it asks for, where it is none without an option."""
    from ..hooks import registry
    from ..synth import stated

    try:
        space = stated(registry.build("synth", f"{offer.distribution}:{offer.part.name}")).space
    except UsageError as error:
        return {"parameters": [], "asks": str(error)}
    return {"parameters": [p.as_dict() for p in space]}
