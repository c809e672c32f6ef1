"""Which representation finds the parameters of which kind of sound: JSON lines, and docs/benchmarks-representations.md of them."""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import torch
from matching import altered, lines, target
from tables import table

import invsound
from invsound.runs import environment

ROOT = Path(__file__).parent.parent
KINDS = {"amfm": "arpeggio: a chirp with tremolo", "ftm": "drum", "string": "string", "ddsp": "sustained note with noise"}
FEATURES = ("jtfs", "mss")
WAYS = ("", "20 dB SNR")
EVALUATIONS, NEAR = 600, 0.01


def measure(matcher: invsound.Matcher, synth: str, feature: str, seed: int, way: str) -> dict[str, Any]:
    """One line of the results: the error of each parameter, of its range in ν."""
    theta, x = target(matcher.synth, seed)
    found = matcher(*altered(x, matcher.synth.signal.sample_rate, way))
    space = matcher.synth.space
    off = (space.to_nu(theta.double()) - found.nu.double()).abs() / 2
    errors = dict(zip(space.names, off.tolist(), strict=True))
    return {"synth": synth, "feature": feature, "seed": seed, "way": way, "errors": errors, "seconds": found.seconds}


def run(file: Path, count: int, synths: list[str]) -> None:
    """Measure what is not measured yet. The synthesizers do not listen: what is found is found by the representation."""
    file.parent.mkdir(parents=True, exist_ok=True)
    done = {(line["synth"], line["feature"], line["seed"], line["way"]) for line in lines(file)}
    for feature in FEATURES[::-1]:
        for synth in synths:
            how = {"match": {"budget": None, "evaluations": EVALUATIONS, "guess": False}}
            matcher = invsound.Matcher(synth, feature, None, how, quiet=True)
            for seed, way in [(seed, way) for seed in range(count) for way in WAYS]:
                if (synth, feature, seed, way) not in done:
                    with file.open("a") as log:
                        log.write(json.dumps(measure(matcher, synth, feature, seed, way)) + "\n")


def rows(found: list[dict[str, Any]]) -> list[list[str]]:
    made = []
    for synth, kind in KINDS.items():
        for way in WAYS:
            cells = []
            for feature in FEATURES:
                of = [line for line in found if (line["synth"], line["feature"], line["way"]) == (synth, feature, way)]
                if not of:
                    cells += ["–"] * 2
                    continue
                means = [statistics.mean(line["errors"].values()) for line in of]
                near = sum(max(line["errors"].values()) < NEAR for line in of)
                cells += [f"{statistics.median(means):.1e}", f"{near} / {len(of)}"]
            if set(cells) != {"–"}:
                made.append([kind, synth, way or "as it is", *cells])
    return made


PAGE = """# Which representation

    python benchmarks/representations.py

{about}, one thread. Sounds of each synthesizer, θ uniform in ν over the whole declared range, seeds 0, 1, …,
matched by `lm` from 256 candidates with {evaluations} sounds in all; the synthesizer does not listen (no `Synth.guess`).
Error: the mean over parameters of |Δν| / 2, a share of the range; the median over sounds. Found: every parameter within {near:.0%}
of its range.

{table}
A logarithm hears noise where the sound is silent: under noise JTFS loses the arpeggio, which the spectrogram does not. Of the drum,
whose modes all move with ω and α, the spectrogram's survey loses its way, and that of JTFS does not always
([validity radius](radius.md)); with `Synth.guess`, which listens to the waveform, all of these drums are found
([matching](benchmarks-matching.md)). A sound of JTFS takes seventeen times as long ([benchmarks](benchmarks.md)). Encoders of the
arpeggio trained by PNP on either are equally good ([results](results.md)).
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2, help="sounds of each synth")
    parser.add_argument("--only", nargs="*", default=list(KINDS), choices=KINDS, help="synths")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "representations.jsonl")
    parser.add_argument("--page", action="store_true", help="write the page from what there is")
    given = parser.parse_args()
    if not given.page:
        torch.set_num_threads(1)
        run(given.out, given.count, given.only)
    head = "sound | synth | recorded | " + " | ".join(f"{f}: error | {f}: found" for f in FEATURES)
    about = f"{environment.processor()}, torch {torch.__version__}"
    text = PAGE.format(about=about, evaluations=EVALUATIONS, near=NEAR, table=table(head, rows(lines(given.out))))
    (ROOT / "docs" / "benchmarks-representations.md").write_text(text)


if __name__ == "__main__":
    main()
