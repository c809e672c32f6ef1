"""A table of recordings to learn from, build/drums/labels.csv: the real drums, and what `benchmarks/matching.py drums` has found for them.

python benchmarks/drums/labels.py

Those of examples/recordings are the test fold; of the others every eighth is validation, and the rest are training, each in sixteen rows.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ROWS = 16


def main() -> None:
    found = [json.loads(line) for line in (ROOT / "benchmarks" / "matching" / "drums.jsonl").read_text().splitlines()]
    found = [line for line in found if line["synth"] == "drum" and "error" not in line]
    kept = {path.name for path in (ROOT / "examples" / "recordings").glob("*.flac")}
    folds = {"test": [line for line in found if line["sound"] in kept]}
    others = [line for line in found if line["sound"] not in kept]
    folds["val"] = others[7::8]
    folds["train"] = ROWS * [line for k, line in enumerate(others) if k % 8 != 7]
    table = ROOT / "build" / "drums" / "labels.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["sound", "fold", *found[0]["parameters"]])
        writer.writerows([line["sound"], fold, *line["parameters"].values()] for fold, lines in folds.items() for line in lines)
    print(f"{len(found)} drums in {table}")


if __name__ == "__main__":
    main()
