"""`invsound doctor`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .common import print_json


def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check the installation: versions, devices, plugins and every part they offer, the cache. Exit code 1 if something is broken."""
    checks = list(_checks())
    if json:
        print_json([{"check": name, "ok": ok, "finding": finding} for name, ok, finding in checks])
    else:
        for name, ok, finding in checks:
            typer.echo(f"{'ok     ' if ok else 'BROKEN '} {name}: {finding}")
    if not all(ok for _, ok, _ in checks):
        raise typer.Exit(1)


def _checks() -> Any:
    from .. import environment, registry

    about = environment.describe()
    about.pop("plugins")
    yield "environment", True, ", ".join(f"{key} {value}" for key, value in about.items())
    yield _devices()
    for plugin in registry.plugins():
        if plugin.broken:
            advice = f"mend it, or uninstall it, or set INVSOUND_DISABLE_PLUGINS={plugin.distribution}"
            yield f"plugin {plugin.distribution} {plugin.version}", False, f"{plugin.broken} — {advice}"
        for offer in plugin.offers:
            yield f"{offer.kind} {offer.label}", *_builds(offer)
    yield _cache()


def _devices() -> tuple[str, bool, str]:
    import torch

    count = torch.cuda.device_count()
    return "device", True, ", ".join(torch.cuda.get_device_name(i) for i in range(count)) or "cpu only"


def _builds(offer: Any) -> tuple[bool, str]:
    """Whether a part builds, small, and by the shortest name."""
    from .. import registry
    from ..testing.examine import first_verdicts

    for verdict in first_verdicts(offer):
        if verdict.status == "failed":
            return False, verdict.message
    if rivals := registry.rivals(offer):
        return False, f"the name is also offered by {' and '.join(rivals)}: write {offer.distribution}:{offer.part.name}"
    return True, "builds"


def _cache() -> tuple[str, bool, str]:
    from ..errors import InvsoundError
    from ..files import write_text
    from ..store import default_root

    root = default_root()
    try:
        write_text(root / ".writable", "")
    except InvsoundError as error:
        return "cache", False, str(error)
    size = sum(file.stat().st_size for file in root.rglob("*.safetensors"))
    return "cache", True, f"{root}, {size / 2**20:.0f} MiB; safe to delete at any time, INVSOUND_CACHE moves it"
