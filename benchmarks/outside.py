"""How well `invsound match` does on synthesizers from outside: Faust programs and a DX7. JSON lines, and docs/benchmarks-outside.md."""

from __future__ import annotations

import argparse
import functools
import json
import statistics
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

import invsound

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
SECONDS = 60
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
    if task.synth in PROGRAMS_BY_NAME:
        matcher = faust(task.synth, task.seed)
        space = matcher.synth.space
        line = heard(matcher, drawn(space, 1000 * task.seed + task.sound))
        error = sum(((line["true"][p.name] - line["found"][p.name]) / (p.high - p.low)) ** 2 for p in space) ** 0.5
        return asdict(task) | line | {"error": error}
    matcher = dx7(int(task.synth.removeprefix("dx7, ")), task.seed)
    line = heard(matcher, drawn(matcher.synth.space, task.seed))
    choices = [p.name for p in matcher.synth.space if p.options]
    return asdict(task) | line | {"options": {name: line["true"][name] == line["found"][name] for name in choices}}


PROGRAMS_BY_NAME = tuple(PUBLISHED)


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
        for future in as_completed([pool.submit(measured, task) for task in left]):
            with file.open("a") as log:
                log.write(json.dumps(future.result()) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=Path, default=Path("build/outside.jsonl"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=list(PUBLISHED))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--each", type=int, default=EACH)
    given = parser.parse_args()
    run(given.lines, [Task(name, seed, k) for name in given.only for seed in range(given.seeds) for k in range(given.each)], given.jobs)
    for name in given.only:
        errors = [line["error"] for line in lines(given.lines) if line["synth"] == name]
        print(name, len(errors), statistics.median(errors), sorted(errors)[-5:])
