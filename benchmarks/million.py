"""A million sounds on one machine: memory, files and seconds, and what kill −9 costs. Writes docs/benchmarks-million.md.

python benchmarks/million.py run          # resumable: prepares, and trains one epoch
python benchmarks/million.py kills        # kills the preparation a hundred times, and counts what is there after each
python benchmarks/million.py write        # of what was measured
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from tables import table

from invsound.data import cache, shards
from invsound.data.store import Store
from invsound.encoder import prepared
from invsound.runs import config, environment
from invsound.runs.parts import Parts
from invsound.system.executor import single_thread

ROOT = Path(__file__).parent.parent
OPTIONS = ["synth.num_samples=4096", "data.val=64", "data.test=16", "evaluate.scores=[mss]", "evaluate.micro=false"]
MIB = 1024.0


def command(out: Path, options: list[str]) -> list[str]:
    """Begin the run, or go on with it."""
    invsound = [sys.executable, "-m", "invsound", "run"]
    if (out / "config.yaml").exists():
        return [*invsound, "--resume", str(out), "--jobs", "2"]
    return [*invsound, "--synth", "amfm", "--feature", "mss", "--loss", "ploss", *OPTIONS, *options, "--jobs", "2", "--out", str(out)]


def started(folder: Path, out: str, *options: str) -> subprocess.Popen[bytes]:
    variables = os.environ | {"INVSOUND_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    given = command(folder / out, list(options))
    return subprocess.Popen(given, env=variables, stdout=subprocess.DEVNULL, start_new_session=True)


def tree(pid: int) -> list[int]:
    """A process and those below it, by /proc."""
    try:
        below = [int(child) for task in os.listdir(f"/proc/{pid}/task") for child in _text(f"/proc/{pid}/task/{task}/children").split()]
    except OSError:
        return []
    return [pid, *(one for child in below for one in tree(child))]


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def peak(pid: int) -> float:
    """Resident memory at its highest, MiB."""
    _, _, after = _text(f"/proc/{pid}/status").partition("VmHWM:")
    return int(after.split()[0]) / MIB if after else 0.0


def run(folder: Path, sounds: int) -> dict[str, object]:
    """The preparation, between two measurements of what it would take alone, for machines differ from themselves; then an epoch."""
    before = alone(sounds)
    prepared = watched(folder, "prepared", f"data.train={sounds}", "train.epochs=0")
    after = alone(sounds)
    trained = watched(folder, "run", f"data.train={sounds}", "train.epochs=1")
    found = {name: max(prepared[name], trained[name]) for name in ("peak", "files")}
    size = sum(path.stat().st_size for path in (folder / "cache").rglob("*") if path.is_file())
    seconds = {"alone": (before + after) / 2, "preparation": prepared["preparation"], "training": trained["training"]}
    return {"sounds": sounds, **found, "imports": imports(), "bytes": size, **seconds}


def watched(folder: Path, out: str, *options: str) -> dict[str, float]:
    """A run, its seconds, the memory of its largest process, and the files of the cache at their most."""
    process, peaks, files, turn = started(folder, out, *options), dict[int, float](), 0, 0
    while process.poll() is None:
        for pid in tree(process.pid):
            peaks[pid] = max(peaks.get(pid, 0.0), peak(pid))
        if turn % 40 == 0:
            files = max(files, count(folder))
        turn += 1
        time.sleep(0.25)
    spent = json.loads((folder / out / "seconds.json").read_text())
    return {**spent, "peak": max(peaks.values()), "files": max(files, count(folder))}


def count(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder / "cache"))


def imports() -> float:
    """MiB of a process that has imported what a run imports, and built its parts."""
    code = (
        "import resource, invsound.pipeline, torch._dynamo\nfrom invsound.runs import config\nfrom invsound.runs.parts import Parts\n"
        "Parts(config.resolve({'parts': {'synth': 'amfm', 'feature': 'mss', 'loss': 'ploss'}})).encoder()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout) / MIB


def alone(sounds: int, tried: int = 32768) -> float:
    """Seconds of two processes, side by side, to make and hear so many sounds and keep none, of a few that are made here."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(heard, [64, 64]))  # what is built and loaded counts not
        return max(pool.map(heard, [tried, tried])) / (2 * tried) * sounds


@functools.lru_cache
def _parts() -> Parts:
    return Parts(config.resolve({"parts": {"synth": "amfm", "feature": "mss", "loss": "ploss"}, "synth": {"num_samples": 4096}}))


def heard(tried: int) -> float:
    """Seconds of sounds that are made and heard, a shard at a time."""
    parts = _parts()
    nu = torch.rand(tried, parts.synth.space.width) * 2 - 1
    with single_thread(), torch.no_grad():
        start = time.perf_counter()
        for rows in nu.split(shards.SHARD):
            prepared(parts.front_end, parts.render(rows))
        return time.perf_counter() - start


def kills(folder: Path, sounds: int, times: int) -> dict[str, object]:
    """After each kill whatever was there is there; a preparation that is whole is followed by another. In the end none is damaged."""
    draw, kept, lost, done, killed, whole = random.Random(0), Store(folder / "cache"), 0, 0, 0, 0
    while killed < times:
        before = count(folder)
        process = started(folder, f"run{whole}", f"data.train={sounds}", f"data.seed={whole}", "train.epochs=0")
        while count(folder) <= before and process.poll() is None:
            time.sleep(0.2)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0, 3))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
        elif process.returncode:
            sys.exit(f"run{whole} ended with {process.returncode}")
        else:
            whole += 1
        here = len({shard.address for shard in cache.kept(kept)})
        lost, done = lost + max(0, done - here), here
        print(f"{killed} kills, {done} shards", file=sys.stderr, flush=True)
    left = cache.damaged(kept, cache.kept(kept))
    return {"sounds": sounds, "kills": times, "shards": done, "lost": lost, "damaged": len(left)}


PAGE = """# A million sounds

    python benchmarks/million.py run
    python benchmarks/million.py kills
    python benchmarks/million.py write

Arpeggios of 4,096 samples, prepared for P-loss by two processes, and one epoch trained; {about}.
Memory is that of the largest process at its highest, beyond what it has imported; files are the most that the cache had at any time.
*Alone* is what two processes take to make and hear the sounds and keep none, by {tried} of them, right before and right after.

{table}
{kills}"""


def write(folder: Path) -> None:
    found, text = json.loads((folder / "run.json").read_text()), ""
    beyond = found["peak"] - found["imports"]
    cells = (found["preparation"], found["alone"])
    row = (f"{found['sounds']:,}", f"{beyond:.0f}", f"{found['files']}", f"{found['bytes'] / 1e9:.2f}", *(f"{s:.0f}" for s in cells))
    head = "sounds | memory, MiB | files | GB | preparation, s | alone, s"
    if (folder / "kills.json").exists():
        k = json.loads((folder / "kills.json").read_text())
        text = (
            f"Killed {k['kills']} times at random moments of the preparation of {k['sounds']:,} sounds, with all its processes: of "
            f"{k['shards']:,} shards that were finished {k['lost']} were lost, and {k['damaged']} are damaged.\n"
        )
    about = f"{environment.processor()}, torch {torch.__version__}"
    page = PAGE.format(about=about, tried="131,072", table=table(head, [row]), kills=text)
    (ROOT / "docs" / "benchmarks-million.md").write_text(page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("run", "kills", "write"))
    parser.add_argument("--sounds", type=int, default=10**6)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("runs/million"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.what == "write":
        return write(given.out)
    own = given.out / given.what
    own.mkdir(exist_ok=True)
    found = run(own, given.sounds) if given.what == "run" else kills(own, given.sounds, given.kills)
    (given.out / f"{given.what}.json").write_text(json.dumps(found, indent=1))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
