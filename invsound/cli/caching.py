"""`invsound cache`: what is prepared on this machine, and how to have less of it."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ..errors import UsageError
from .common import Command, guarded, listen
from .output import print_json, say

app = typer.Typer(rich_markup_mode=None, add_completion=False)
DAYS = {"today": 1.0, "this week": 7.0, "this month": 30.0, "before": float("inf")}
AGE = {"d": 86400.0, "h": 3600.0, "w": 604800.0, "": 86400.0}
BYTES = {"": 1, "B": 1, **{f"{prefix}B": 10 ** (3 * k) for k, prefix in enumerate("kMGT", 1)}}
Run = Annotated[Optional[list[Path]], typer.Option("--run", help="A run folder; may be given several times.")]  # noqa: UP045
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
@guarded
def cache(context: typer.Context, run: Run = None, json: Json = False) -> None:
    """Say how many prepared columns this machine keeps, of how many bytes, and when they were used last; and what there is of a run."""
    if context.invoked_subcommand is not None:
        return
    from ..data import cache
    from ..data.store import Store

    store = Store()
    shards, runs = cache.kept(store), cache.of_runs(run or [], store)
    listed: dict[str, Any] = {"folder": str(store.root), **_sum(shards), "used": _ages(shards)}
    listed["runs"] = [
        {"run": str(one), "wanted": len(own), **_sum([shard for shard in shards if shard.address in own])} for one, own in runs.items()
    ]
    if json:
        return print_json(listed)
    say(f"{listed['folder']}: {_told(listed)}")
    for when, row in listed["used"].items():
        say(f"  used {when}: {_told(row)}")
    for row in listed["runs"]:
        say(f"{row['run']}: {row['shards']} of its {row['wanted']} shards, {_bytes(row['bytes'])}")


def _sum(shards: list[Any]) -> dict[str, int]:
    return {"shards": len(shards), "bytes": sum(shard.size for shard in shards)}


def _ages(shards: list[Any]) -> dict[str, dict[str, int]]:
    left, now, ages = list(shards), time.time(), {}
    for when, days in DAYS.items():
        ages[when] = _sum([shard for shard in left if now - shard.used <= days * AGE["d"]])
        left = [shard for shard in left if now - shard.used > days * AGE["d"]]
    return {when: row for when, row in ages.items() if row["shards"]}


def _told(row: dict[str, Any]) -> str:
    return f"{row['shards']} shard{'s' if row['shards'] != 1 else ''}, {_bytes(row['bytes'])}"


def _bytes(count: float) -> str:
    unit = next(unit for unit in ("TB", "GB", "MB", "kB", "B") if count >= BYTES[unit] or unit == "B")
    return f"{count / BYTES[unit]:.3g} {unit}"


@app.command("verify", cls=Command)
@guarded
def verify(json: Json = False, quiet: Annotated[bool, typer.Option("--quiet", help="Only errors on stderr.")] = False) -> None:
    """Read every shard and its checksum. Exit code 1 if some are damaged: a run computes them again, `prune --damaged` removes them."""
    listen(quiet)
    from ..data import cache
    from ..data.store import Store
    from ..system import progress

    store = Store()
    shards = cache.kept(store)
    with progress.shown(quiet):
        bad = cache.damaged(store, shards)
    if json:
        print_json(
            {"folder": str(store.root), **_sum(shards), "damaged": [{"file": str(shard.path), "shard": shard.address} for shard in bad]}
        )
    else:
        say(f"{store.root}: {_told(_sum(shards))}, {len(bad)} damaged.")
        for shard in bad:
            say(f"  {shard.path}{'' if shard.path.stem == shard.address else f', the shard {shard.address}'}")
    if bad:
        raise typer.Exit(1)


@app.command("prune", cls=Command)
@guarded
def prune(
    run: Run = None,
    older: Annotated[Optional[str], typer.Option(metavar="AGE", help="Not used for so long: 12h, 30d or 4w.")] = None,  # noqa: UP045
    size: Annotated[Optional[str], typer.Option(metavar="SIZE", help="Least recently used first, until so much is left: 5GB.")] = None,  # noqa: UP045
    damaged: Annotated[bool, typer.Option("--damaged", help="Those that `verify` names.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and let it stay.")] = False,
    json: Json = False,
) -> None:
    """Remove prepared columns: those of a run, those that were not used for long, the least recently used. Runs compute what they lack."""
    if not (run or older or size or damaged):
        raise UsageError("Prune what? Give --run RUN, --older 30d, --size 5GB or --damaged; --dry-run says what would go.")
    longest, most = _parsed(older, AGE, "older", "12h, 30d or 4w"), _parsed(size, BYTES, "size", "500MB or 5GB")
    from ..data import cache
    from ..data.store import Store

    store = Store()
    shards = cache.kept(store)
    of_runs = set().union(*cache.of_runs(run or [], store).values())
    going = {shard for shard in shards if shard.address in of_runs} | set(cache.damaged(store, shards) if damaged else [])
    going |= set(cache.excess([shard for shard in shards if shard not in going], longest, most))
    if not dry_run:
        cache.remove(store, going)
    gone, left = _sum(list(going)), _sum([shard for shard in shards if shard not in going])
    if json:
        return print_json({"folder": str(store.root), "removed": gone, "left": left, "dry_run": dry_run})
    say(f"{store.root}: {_told(gone)} {'would go' if dry_run else 'removed'}; {_told(left)} left.")


def _parsed(text: str | None, units: dict[str, Any], name: str, examples: str) -> float | None:
    """A number and its unit."""
    if text is None:
        return None
    matched = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([A-Za-z]*)\s*", text)
    if not matched or matched[2] not in units:
        raise UsageError(f"--{name} is a number and a unit, such as {examples}, got {text!r}.")
    return float(matched[1]) * float(units[matched[2]])
