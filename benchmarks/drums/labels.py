"""A table of recordings to learn from, build/drums/labels.csv: the real drums, and what `benchmarks/matching.py drums` has found for them.

python benchmarks/drums/labels.py

Those of examples/recordings are the test fold; of the others every eighth is validation, and the rest are training, each in 24 rows, and
beside them as many drums that the synthesizer makes, so that what it can do is not forgotten.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import torch

import invsound
from invsound.audio import written

ROOT = Path(__file__).parent.parent.parent
ROWS = 24


def made(count: int) -> list[dict[str, Any]]:
    """So many drums of the synthesizer's own, drawn at random and written into build/drums/made."""
    synth = invsound.make("synth", "drum")
    theta = synth.space.to_theta(synth.space.at(torch.rand(count, len(synth.space), generator=torch.Generator().manual_seed(0))))
    lines = []
    for k, row in enumerate(theta):
        written.save(ROOT / "build" / "drums" / "made" / f"{k:03d}.wav", synth(row[None])[0], synth.signal.sample_rate)
        lines.append({"sound": f"made/{k:03d}.wav", "parameters": dict(zip(synth.space.names, row.tolist(), strict=True))})
    return lines


def main() -> None:
    found = [json.loads(line) for line in (ROOT / "benchmarks" / "matching" / "drums.jsonl").read_text().splitlines()]
    found = [line for line in found if line["synth"] == "drum" and "error" not in line]
    kept = {path.name for path in (ROOT / "examples" / "recordings").glob("*.flac")}
    folds = {"test": [line for line in found if line["sound"] in kept]}
    others = [line for line in found if line["sound"] not in kept]
    folds["val"] = others[7::8]
    folds["train"] = ROWS * [line for k, line in enumerate(others) if k % 8 != 7]
    folds["train"] += made(len(folds["train"]))
    table = ROOT / "build" / "drums" / "labels.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["sound", "fold", *found[0]["parameters"]])
        writer.writerows([line["sound"], fold, *line["parameters"].values()] for fold, lines in folds.items() for line in lines)
    print(f"{len(found)} recordings in {table}")


if __name__ == "__main__":
    main()
