"""What a second core brings to one match, and what a cheap representation brings to its global stage: sounds a second, as JSON.

python benchmarks/cores.py        # a minute and a half
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from invsound_ftm.approach import STAGES, comparison

import invsound
from invsound.audio.recording import load_for
from invsound.matching.matching import Matching
from invsound.system.executor import single_thread, threads

ROOT = Path(__file__).parent.parent
RECORDING = ROOT / "examples" / "recordings" / "drum_tom_hi_soft.flac"
TRIED, TURNS = 32, 5


def rate(work: Callable[[], Any], sounds: int) -> float:
    start = time.perf_counter()
    work()
    return sounds / (time.perf_counter() - start)


def searched() -> dict[str, float]:
    """Sounds of the drum and their JTFS a second, by one thread and by two, in turns: what a match does with its time."""
    made = invsound.Matcher("drum", "jtfs")
    nu = 2 * torch.rand(TRIED, len(made.synth.space), generator=torch.Generator().manual_seed(0)) - 1
    found: dict[int, list[float]] = {1: [], 2: []}

    def work() -> None:
        with torch.no_grad():
            for rows in nu.split(8):
                made.problem(rows)

    for _ in range(TURNS):
        for count, rates in found.items():
            with threads(count):
                rates.append(rate(work, TRIED))
    return {f"jtfs, {count}": statistics.median(rates) for count, rates in found.items()}


def listened() -> float:
    """Sounds a second that one thread compares in timbre, as the drum's guess does first."""
    synth = invsound.make("synth", "drum")
    x = load_for(synth, RECORDING).x.double()
    residual = comparison(synth, x / x.abs().max(), STAGES[0][2])
    nu = 2 * torch.rand(256, len(synth.space), generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    with single_thread(), torch.no_grad():
        return statistics.median(rate(lambda: [residual(rows) for rows in nu.split(8)], len(nu)) for _ in range(TURNS))


class Timed(Matching):
    """How long it has searched, its errors not counted."""

    def _told(self, *found: Any) -> Any:
        self.spent = time.monotonic() - self.search.begin
        return super()._told(*found)


def matched() -> dict[str, float]:
    """Evaluations a second of a search of 30 s, by one core and by two, not counting prepared candidates: nobody has listened."""
    found = {}
    for jobs in (1, 2):
        made = invsound.Matcher("drum", "jtfs", of={"match": {"budget": 30, "guess": False}}, jobs=jobs, quiet=True)
        _ = made.dictionary
        with threads(jobs), made.synth.tolerating():
            search = Timed(made, made.recording(RECORDING))
            search.find()
        found[f"match, {jobs}"] = (search.search.evaluations - made.options.candidates) / search.spent
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "matching")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    rates = {**searched(), "timbre, 1": listened(), **matched()}
    (out / "cores.jsonl").write_text(json.dumps(rates) + "\n")
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
