"""What the page sends, taken apart: text and numbers, and no more is believed of it."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from .process import Refused


async def body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises Refused for anything else."""
    try:
        given = json.loads(await request.body())
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Refused("That is no JSON object. Open a match.json of invsound match, or one saved here.")
    return given


def setting(given: dict[str, Any]) -> dict[str, Any]:
    """Which parts, with which options: text, whatever was sent; what it means is checked where it is built."""
    asked = given.get("setting")
    if not isinstance(asked, dict) or not isinstance(asked.get("lines"), list):
        raise Refused("Choose a synthesizer and a representation.")
    lines = [str(line).strip() for line in asked["lines"] if str(line).strip()]
    for line in lines:
        if "=" not in line:
            raise Refused(f"Cannot read {line!r}: an option is key=value, for example synth.num_samples=32768.")
    return {kind: str(asked.get(kind) or "") for kind in ("synth", "feature", "solver")} | {"lines": lines}


def named(given: dict[str, Any], key: str) -> dict[str, Any]:
    """Names and values, none by default."""
    if not isinstance(values := given.get(key) or {}, dict):
        raise Refused(f"{key} are names and values.")
    return values
