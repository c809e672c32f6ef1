"""How well `invsound match` does on synthesizers from outside: Faust programs and a DX7. JSON lines, and docs/benchmarks-outside.md."""

from __future__ import annotations

import argparse
import functools
import json
import math
import statistics
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from tables import table

import invsound
from invsound.runs import environment

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(__file__).parent / "programs"
PUBLISHED = {"band": 0.001, "tremolo": 0.008, "pair": 0.045}
"""The best median error of gradient descent, CMA-ES, Bayesian optimization and a network trained on 15,000 sounds."""
TOLD = {
    "band": "noise, high-pass 30–5000 Hz and low-pass 60–6000 Hz", "tremolo": "noise, amplitude 0.1–1, modulated at 10–1000 Hz",
    "pair": "sine and sawtooth, 20–1000 Hz both",
}  # fmt: skip
FEATURE = {
    "band": ("mss", {}), "tremolo": ("jtfs", {"Q": [1, 4], "J": 10}), "pair": ("sot", {"window": 200.0}),
}  # fmt: skip
"""What hears each program's parameters: spectra; modulation, in octaves and quarters of them; and spectra, by how far they are moved."""
EVALUATIONS, SEEDS, EACH = 175, 20, 10
PRESETS, SECONDS = 50, 60
FREE = {
    8: ["algorithm", "op2_mode", "feedback", "op1_rate2", "op2_output_level", "op2_coarse", "op3_level2", "op4_output_level"],
    24: [
        "algorithm", "op2_mode", "op4_mode", "lfo_wave", "feedback", *(f"op{k}_output_level" for k in range(2, 7)),
        *(f"op{k}_coarse" for k in range(1, 7)), *(f"op{k}_rate2" for k in range(1, 5)), *(f"op{k}_level2" for k in range(1, 5)),
    ],
}  # fmt: skip
"""Controls of the DX7 that are to be found."""


@dataclass(frozen=True)
class Task:
    """One sound: a Faust program, or a DX7 with so many free controls; a seed, and which of its sounds."""

    synth: str
    seed: int
    sound: int = 0


ALL = {name: [Task(name, seed, k) for seed in range(SEEDS) for k in range(EACH)] for name in PUBLISHED} | {
    f"dx7, {count}": [Task(f"dx7, {count}", seed) for seed in range(PRESETS)] for count in FREE
}


@functools.lru_cache(maxsize=4)
def faust(program: str, seed: int) -> invsound.Matcher:
    of = {
        "synth": {"file": str(PROGRAMS / f"{program}.dsp"), "num_samples": 22050, "sample_rate": 22050, "level": "program"},
        "match": {"budget": None, "evaluations": EVALUATIONS, "candidates": 64, "starts": 1, "seed": seed},
    }
    feature, of["feature"] = FEATURE[program]
    return counted(invsound.Matcher("faust", feature, None, of, quiet=True))


def counted(matcher: invsound.Matcher) -> invsound.Matcher:
    """Every sound that is made is counted, those of alignment and of standard errors too."""
    matcher.synth.made, forward = 0, matcher.synth.forward

    def counting(theta: torch.Tensor) -> torch.Tensor:
        matcher.synth.made += len(theta)
        return forward(theta)

    matcher.synth.forward = counting  # type: ignore[method-assign]
    return matcher


def drawn(space: invsound.Space, seed: int) -> torch.Tensor:
    """θ [P], uniform in each parameter's own range."""
    share = torch.rand(len(space), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return space.to_theta(space.at(share[None]))[0]


def heard(matcher: invsound.Matcher, theta: torch.Tensor) -> dict[str, Any]:
    x = matcher.synth(theta[None].float())[0]
    matcher.synth.made = matcher.options.candidates  # which all sounds share
    found = matcher(x.numpy(), matcher.synth.signal.sample_rate)
    true = matcher.synth.space.named(theta)
    seen = {"true": true, "found": found.parameters, "distance": found.distance, "random": found.random_distance}
    return seen | {"seconds": found.seconds, "renders": matcher.synth.made}


def measured(task: Task) -> dict[str, Any]:
    torch.set_num_threads(1)
    if task.synth in PUBLISHED:
        matcher = faust(task.synth, task.seed)
        space = matcher.synth.space
        try:
            line = heard(matcher, drawn(space, 1000 * task.seed + task.sound))
        except invsound.UsageError as refusal:  # filters that leave next to nothing
            return asdict(task) | {"refused": str(refusal), "error": math.inf, "renders": 0}
        error = sum(((line["true"][p.name] - line["found"][p.name]) / (p.high - p.low)) ** 2 for p in space) ** 0.5
        return asdict(task) | line | {"error": error}
    matcher = dx7(int(task.synth.removeprefix("dx7, ")), task.seed)
    line = heard(matcher, drawn(matcher.synth.space, task.seed))
    choices = [p.name for p in matcher.synth.space if p.options]
    return asdict(task) | line | {"options": {name: line["true"][name] == line["found"][name] for name in choices}}


def dx7(count: int, seed: int) -> invsound.Matcher:
    """Of a voice drawn at random, all six operators loud enough to be heard, so many controls are free."""
    generator = torch.Generator().manual_seed(seed)

    def among(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=generator))

    voice: dict[str, Any] = {"lfo_speed": among(30, 70), "lfo_pitch_depth": 40, "pitch_mod_sensitivity": 4, "feedback": among(0, 7)}
    for k in range(1, 7):
        voice |= {f"op{k}_output_level": among(70, 95), f"op{k}_coarse": among(0, 9), f"op{k}_fine": among(0, 99)}
        voice |= {f"op{k}_detune": among(-7, 7), f"op{k}_rate1": among(60, 99), f"op{k}_rate2": among(20, 70)}
        voice |= {f"op{k}_level1": 99, f"op{k}_level2": among(50, 90), f"op{k}_level3": among(0, 80)}
    free = FREE[count]
    of = {
        "synth": {"num_samples": 16384, "sample_rate": 22050, "free": free, "fix": {k: v for k, v in voice.items() if k not in free}},
        "match": {"budget": SECONDS, "candidates": 256, "seed": seed},
    }
    return counted(invsound.Matcher("dx7", "mss", None, of, quiet=True))


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def run(file: Path, tasks: list[Task], jobs: int) -> None:
    """Measure what is not measured yet."""
    file.parent.mkdir(parents=True, exist_ok=True)
    done = {(line["synth"], line["seed"], line["sound"]) for line in lines(file)}
    left = [task for task in tasks if (task.synth, task.seed, task.sound) not in done]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        futures = [pool.submit(measured, task) for task in left]
        try:
            for future in as_completed(futures):
                with file.open("a") as log:
                    log.write(json.dumps(future.result()) + "\n")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


HEAD = """# Benchmarks of synthesizers from outside

    python benchmarks/outside.py band tremolo pair "dx7, 8" "dx7, 24" --jobs {jobs}

{about}; {jobs} processes of one thread. Sounds and parameters are drawn with seeds, uniform in each parameter's range.
"""
FAUST = """
## Three Faust programs

A published test of sound matching without derivatives: about {evaluations} renders at most, with those of candidates, alignment and
standard errors; error: the Euclidean distance of the returned parameters from the true ones, each as a fraction of its range.
Published: the best median of gradient descent, CMA-ES, Bayesian optimization, and a network trained on 15,000 sounds. `lm` and its
survey, from 64 candidates, one start; programs are in benchmarks/programs. The range is of the medians of {seeds} seeds.
Sounds below −90 dBFS, of a high-pass far above a low-pass, are refused as silent, and count as missed.

{table}
What hears a parameter decides: spectra hear filters; spectra whose energy is *moved* (`sot`) hear a sine that is still an octave away;
and only the joint scattering has a smooth answer to how fast a noise is modulated.
"""
DX7 = """
## A DX7

`invsound-dx7` of examples/: voices drawn at random, of which so many controls are unknown, `mss`, {seconds} s a preset, one core each.
Near: at most a tenth of the distance of a random sound of the same voice. Renders and seconds are medians.

{table}"""
CHOICES = """
## Losses where there are choices

    invsound sweep examples/choices.yaml
    invsound compare runs/choices --against P-loss --out runs/choices

A voice of three waves, an octave of whole numbers and six other parameters, 512 sounds, 30 epochs, three seeds: medians and
ranges over seeds of the 128 test sounds. The error of the wave is the share of wrong ones, of which guessing has two thirds.
Balanced PNP, alone or after P-loss, is nearest in timbre; plain PNP is where P-loss is, and none of them chooses better than another.

{table}"""


def faust_table(made: list[dict[str, Any]]) -> str:
    rows = []
    for name, published in PUBLISHED.items():
        if of := [line for line in made if line["synth"] == name]:
            errors = sorted(line["error"] for line in of)
            seeds = [median([line for line in of if line["seed"] == seed], "error") for seed in {line["seed"] for line in of}]
            feature, options = FEATURE[name]
            heard_by, silent = " ".join([feature, *(f"{k}={v}" for k, v in options.items())]), sum("refused" in line for line in of)
            cells = f"{TOLD[name]} | {heard_by} | {len(of)} ({silent})"
            cells += f" | **{median(of, 'error'):.2g}** ({min(seeds):.1g}–{max(seeds):.1g}) | {errors[int(0.9 * len(errors))]:.2g}"
            rows.append(f"{cells} | {published} | {max(line['renders'] for line in of)}".split(" | "))
    return table("program | heard by | sounds (silent) | median error (seeds) | 90 % below | published | most renders", rows)


def dx7_table(made: list[dict[str, Any]]) -> str:
    rows = []
    for count in FREE:
        if of := [line for line in made if line["synth"] == f"dx7, {count}"]:
            shares = [line["distance"] / line["random"] for line in of]
            right = [right for line in of for right in line["options"].values()]
            near, renders, seconds = sum(share < 0.1 for share in shares), median(of, "renders"), median(of, "seconds")
            cells = f"{count} | {len(of[0]['options'])} | {near} / {len(of)} | {sum(right)} / {len(right)}"
            rows.append(f"{cells} | {statistics.median(shares):.2g} | {max(shares):.2g} | {renders:.0f} | {seconds:.0f}".split(" | "))
    return table("free controls | of them choices | near | options right | share of random, median | worst | renders | s", rows)


def median(of: list[dict[str, Any]], key: str) -> float:
    return statistics.median(line[key] for line in of)


def choices_table(comparison: Path) -> str:
    found = json.loads(comparison.read_text())
    columns = [column["name"] for column in found["columns"] if not column["name"].startswith("seconds")]
    cells = [[row["name"], *(f"{c['median']:.3g} ({min(c['values']):.3g}–{max(c['values']):.3g})" for c in map(row["cells"].get, columns))]
             for row in found["configurations"]]  # fmt: skip
    return table(" | ".join(["loss", *columns]), cells)


def page(file: Path, jobs: int, comparison: Path) -> None:
    """Of what there is."""
    made = lines(file)
    text = HEAD.format(jobs=jobs, about=f"{environment.processor()}, torch {torch.__version__}")
    text += FAUST.format(evaluations=200, seeds=SEEDS, table=faust_table(made))
    if any(line["synth"].startswith("dx7") for line in made):
        text += DX7.format(seconds=SECONDS, table=dx7_table(made))
    if comparison.exists():
        text += CHOICES.format(table=choices_table(comparison))
    (ROOT / "docs" / "benchmarks-outside.md").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("synths", nargs="*", help=f"what to measure, of {list(ALL)}; the page is written from what there is")
    parser.add_argument("--lines", type=Path, default=Path(__file__).with_suffix(".jsonl"))
    parser.add_argument("--comparison", type=Path, default=ROOT / "runs" / "choices" / "comparison.json")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    run(given.lines, [task for synth in given.synths for task in ALL[synth]], given.jobs)
    page(given.lines, given.jobs, given.comparison)


if __name__ == "__main__":
    main()
