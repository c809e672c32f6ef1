"""How long the studio takes from a turn of a knob to its sound, and what it holds after many: writes docs/benchmarks-studio.md.

python benchmarks/studio.py [--help-alone]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks-studio.md"
HEAD = """# Benchmarks: the studio

`python benchmarks/studio.py` writes this page. One knob is turned to {turns} places in its range, each a request over HTTP to a studio that
serves on 127.0.0.1, and the time is that until the samples have come back; drawing and the browser's audio output come on top. Measured
beside other work on a machine of {cpus} cores: an idle one does better.

| synthesizer | samples | median | worst of {turns} |
|---|---:|---:|---:|
"""
TAIL = """
| memory | after {turns} renders | after {renders} |
|---|---:|---:|
| server | {server_before:.0f} MiB | {server:.0f} MiB |
| process that renders, most of which is torch | {player_before:.0f} MiB | {player:.0f} MiB |
"""
HELP = """
## The command line

`invsound --help`, {times} times with the studio installed and, in turn with these, {times} times with its metadata hidden, as if it were
not; beside other work too, and with nothing compiled beforehand.

| | median | from | to |
|---|---:|---:|---:|
"""


class Studio:
    """A studio in a process, asked as its page asks it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "invsound", "studio", "--no-browser"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.base, self.token = re.search(r"(http://\S+/)\?token=(\S+)", self.process.stderr.readline()).groups()  # type: ignore[union-attr]

    def ask(self, path: str, **body: object) -> bytes:
        headers = {"X-Invsound-Token": self.token, "X-Invsound-Tab": "benchmark"}
        asked = urllib.request.Request(f"{self.base}api/{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(asked) as answer:
            return answer.read()

    def memory(self) -> tuple[float, float]:
        """MiB of the server, and of the process that renders."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return resident(self.process.pid), max(resident(int(pid)) for pid in children)


def resident(pid: int) -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024  # type: ignore[index]


def turned(studio: Studio, synth: str, turns: int) -> tuple[int, list[float]]:
    """Samples of a sound, and milliseconds for each turn of the first knob."""
    setting = {"synth": synth, "feature": "mss", "solver": "", "lines": []}
    bench = json.loads(studio.ask("bench", setting=setting))
    knob, values, took = bench["space"][0], bench["middle"], []
    studio.ask("render", setting=setting, values=values)
    for k in range(turns):
        value = knob["low"] * (knob["high"] / knob["low"]) ** ((k + 0.5) / turns)
        begun = time.perf_counter()
        studio.ask("render", setting=setting, values=values | {knob["name"]: value})
        took.append(1000 * (time.perf_counter() - begun))
    return bench["num_samples"], took


def helped(times: int) -> str:
    """How long `invsound --help` takes with the studio and without it."""
    info = Path(str(importlib.metadata.distribution("invsound-studio").locate_file("invsound_studio-0.1.0.dist-info")))
    took: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(times):
        for how, seconds in took.items():
            hidden = info.rename(info.with_suffix(".hidden")) if how == "without" else None
            try:
                begun = time.perf_counter()
                subprocess.run([sys.executable, "-m", "invsound", "--help"], check=True, capture_output=True)
                seconds.append(time.perf_counter() - begun)
            finally:
                if hidden:
                    hidden.rename(info)
    rows = [f"| {how} | {statistics.median(s):.2f} s | {min(s):.2f} s | {max(s):.2f} s |\n" for how, s in took.items()]
    return HELP.format(times=times) + "".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=50)
    parser.add_argument("--renders", type=int, default=500)
    parser.add_argument("--times", type=int, default=7, help="of invsound --help")
    parser.add_argument("--help-alone", action="store_true", help="keep what the page says of turns")
    options = parser.parse_args()
    if options.help_alone:
        PAGE.write_text(PAGE.read_text().partition("\n## The command line")[0] + helped(options.times))
        return
    studio, rows, done = Studio(), "", 0
    try:
        for synth in ("ftm", "amfm"):
            samples, took = turned(studio, synth, options.turns)
            rows += f"| `{synth}` | {samples} | {statistics.median(took):.0f} ms | {max(took):.0f} ms |\n"
            done += options.turns
            if synth == "ftm":
                server_before, player_before = studio.memory()
        turned(studio, "ftm", options.renders - done)
        server, player = studio.memory()
    finally:
        studio.process.terminate()
        studio.process.wait()
    counts = {"turns": options.turns, "renders": options.renders, "cpus": os.cpu_count()}
    memory = {"server_before": server_before, "server": server, "player_before": player_before, "player": player}
    PAGE.write_text(HEAD.format(**counts) + rows + TAIL.format(**counts, **memory) + helped(options.times))
    print(PAGE.read_text())


if __name__ == "__main__":
    main()
