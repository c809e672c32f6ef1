"""How well `invsound match` does, sound by sound: writes results as JSON lines, and docs/benchmarks-matching.md from them."""

from __future__ import annotations

import argparse
import functools
import json
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from drums.unpack import manifest
from tables import table

import invsound
from invsound.matching.target import Target
from invsound.runs import environment
from invsound.system import executor, progress
from invsound.trained.trained import Trained, load

ROOT = Path(__file__).parent.parent
BUDGET = 60  # seconds per sound
DRUMS = ROOT / "build" / "drums"  # which drums/unpack.py fills
PARTS = ("self", "deaf", "cut", "misfit", "recordings", "both", "drums", "heard", "robust", "hard")
ENCODERS: dict[str, tuple[str, str, str | None]] = {  # row: synth, encoder, feature that corrects
    "ftm-drum": ("ftm", "ftm-drum", None),
    "drum-recorded": ("drum", "drum-recorded", None),
    "drum-recorded, corrected once": ("drum", "drum-recorded", "jtfs"),
}
NEAR = {"amfm": 0.01, "ftm": 0.01, "drum": 0.02}  # Φ-distance, of random, of a sound that counts as found
PRECISE = {"amfm": 1e-3, "ftm": 1e-2, "drum": 1e-2}  # relative error of a parameter that counts as recovered
FADE = 0.06  # s
KEPT = (
    "parameters", "standard_errors", "determined", "at_bound", "distance", "random_distance", "yardstick", "correlation", "converged",
    "advice", "evaluations", "seconds",
)  # fmt: skip
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {  # name: solver, options of the match
    "lm": ("lm", {}),
    "cma": ("cma", {"survey": False}),
    "descent": ("descent", {"survey": False}),
    "lm, deaf": ("lm", {"guess": False}),
    "lm, beside others": ("lm", {"yardstick": str(DRUMS)}),
    "lm, both cores": ("lm", {}),
    "lm, both cores, 20 s": ("lm", {"budget": 20}),
    "lm, both cores, 20 s, encoder": ("lm", {"budget": 20, "encoder": "drum-recorded"}),
}


@dataclass(frozen=True)
class Task:
    """One match: a system of `SYSTEMS`, and a sound, which is a seed (what the synth makes there), altered or not, or a file."""

    part: str
    synth: str
    system: str
    sound: str
    alteration: str = ""


@functools.lru_cache(maxsize=2)
def matcher(synth: str, system: str, jobs: int = 1) -> invsound.Matcher:
    solver, how = SYSTEMS[system]
    cores = 2 if "both cores" in system else jobs
    return invsound.Matcher(synth, "jtfs", solver, {"match": {"budget": BUDGET, **how}}, jobs=cores)


def target(synth: invsound.Synth, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """θ [P] uniform in ν over the whole declared range, and its sound [N]."""
    nu = 2 * torch.rand(1, len(synth.space), generator=torch.Generator().manual_seed(seed)) - 1
    theta = synth.space.to_theta(nu)
    return theta[0], synth(theta)[0]


def ended(synth: invsound.Synth, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A drum that rings for τ = 0.3 to 0.8 s, and its sound, which is cut after 0.2 to 0.5 s, or with an odd seed faded out before that."""
    theta, _ = target(synth, seed)
    tau, end = torch.rand(2, generator=torch.Generator().manual_seed(1000 + seed)).tolist()
    theta[synth.space.names.index("tau")] = 0.3 + 0.5 * tau
    x, fade = synth(theta[None])[0, : round((0.2 + 0.3 * end) * synth.signal.sample_rate)], round(FADE * synth.signal.sample_rate)
    x[-fade:] *= torch.linspace(1, 0, fade) if seed % 2 else 1
    return theta, x


@functools.cache
def encoder(row: str) -> Trained:
    trained = load(*ENCODERS[row][1:])
    trained(torch.randn(trained.synth.signal.num_samples), trained.synth.signal.sample_rate)  # the first answer takes longer
    return trained


@functools.cache
def six() -> list[str]:
    """The recordings of the examples."""
    return sorted(path.name for path in (ROOT / "examples" / "recordings").glob("*.flac"))


@torch.no_grad()
def heard(name: str, file: Path) -> dict[str, float]:
    """The distance of what an encoder says of a recording, at once, as a match has it; and its seconds."""
    trained = encoder(name)
    made = matcher(ENCODERS[name][0], "lm")
    answer = trained(file)
    target = Target(made.recording(file), made.problem, "cpu")
    return {"distance": target.distance(made.problem.space.to_nu(answer.theta).float()), "seconds": answer.seconds}


def altered(x: torch.Tensor, rate: float, how: str) -> tuple[torch.Tensor, float]:
    """The sound as somebody might have recorded it, and its sample rate."""
    if how == "20 dB SNR":
        noise = torch.randn(len(x), generator=torch.Generator().manual_seed(0))
        return x + 0.1 * x.square().mean().sqrt() * noise, rate
    if how == "50 ms late":
        return torch.cat([torch.zeros(round(0.05 * rate)), x]), rate
    if how == "12 dB quieter":
        return x / 4, rate
    if how == "44.1 kHz stereo":
        import soxr

        y = torch.from_numpy(soxr.resample(x.numpy(), rate, 44100, quality="VHQ"))
        return torch.stack([y, y]), 44100
    return x, rate


def hard(name: str, rate: float, N: int) -> tuple[torch.Tensor, float]:
    """Sounds that no synthesizer here can explain."""
    n, noise = torch.arange(N), torch.randn(N, generator=torch.Generator().manual_seed(0))
    sounds = {
        "silence": torch.zeros(N),
        "click": (n == 1000).float(),
        "noise": noise / noise.abs().max(),
        "ten minutes of hiss and one sine": 0.01 * torch.randn(round(600 * rate), generator=torch.Generator().manual_seed(0)),
        "two octaves of glissando": torch.sin(2 * math.pi * 200 * rate * (2 ** (n / N * 2) - 1) / (rate * math.log(2) * 2 / N * rate)),
    }
    x = sounds[name]
    if name.startswith("ten"):
        start = round(400 * rate)
        x[start : start + N] += 0.5 * torch.sin(2 * math.pi * 440 * n / rate)
    return x, rate


def measure(task: Task) -> dict[str, Any]:
    """One line of the results."""
    line: dict[str, Any] = {**task.__dict__}
    try:
        if task.part == "heard":  # its system is an encoder
            return {**line, **heard(task.system, DRUMS / task.sound)}
        made = matcher(task.synth, task.system)
        signal = made.synth.signal
        if task.part in ("recordings", "both", "drums"):
            found = made((DRUMS if task.part == "drums" else ROOT / "examples" / "recordings") / task.sound)
        elif task.part == "cut":
            theta, x = ended(made.synth, int(task.sound))
            found = made(x, signal.sample_rate)
            line["true"] = dict(zip(made.synth.space.names, theta.double().tolist(), strict=True))
        elif task.part == "misfit":
            richer = invsound.make("synth", "drum")
            theta, x = target(richer, int(task.sound))
            found = made(x, richer.signal.sample_rate)
            line["true"] = {name: float(v) for name, v in zip(richer.space.names, theta, strict=True) if name in made.synth.space.names}
        elif task.part == "hard":
            found = made(*hard(task.sound, signal.sample_rate, signal.num_samples))
        else:
            theta, x = target(made.synth, int(task.sound))
            found = made(*altered(x, signal.sample_rate, task.alteration))
            line["true"] = dict(zip(made.synth.space.names, theta.double().tolist(), strict=True))
            line["waveform"] = float((found.x_hat - found.x).norm() / found.x.norm())
    except invsound.InvsoundError as error:
        return {**line, "error": str(error)}
    told = found.as_dict()
    return {**line, **{key: told[key] for key in KEPT if key in told}}


def tasks(part: str, count: int) -> list[Task]:
    synths = ("amfm", "ftm")
    if part == "self":
        return [Task(part, synth, "lm", str(seed)) for synth in (*synths, "drum") for seed in range(count)]
    if part in ("cut", "misfit"):
        return [Task(part, "ftm", "lm", str(seed)) for seed in range(count)]
    if part == "deaf":
        return [Task(part, synth, "lm, deaf", str(seed)) for synth in synths for seed in range(count)]
    if part == "recordings":
        others = ("lm", "cma", "descent")
        return [Task(part, *by, file) for by in [("drum", "lm"), *(("ftm", system) for system in others)] for file in six()]
    if part == "both":
        return [Task(part, "drum", system, file) for system in SYSTEMS if "both cores" in system for file in six()]
    if part == "heard":
        return [Task(part, synth, name, drum["file"]) for name, (synth, *_) in ENCODERS.items() for drum in manifest()]
    if part == "drums":
        return [Task(part, synth, "lm, beside others", drum["file"]) for synth in ("drum", "ftm") for drum in manifest()]
    if part == "robust":
        ways = ("", "20 dB SNR", "50 ms late", "12 dB quieter", "44.1 kHz stereo")
        return [Task(part, synth, "lm", str(seed), way) for synth in synths for way in ways for seed in range(count)]
    sounds = ("silence", "click", "noise", "ten minutes of hiss and one sine", "two octaves of glissando")
    return [Task(part, synth, "lm", sound) for synth in synths for sound in sounds]


def run(part: str, count: int, jobs: int, out: Path) -> None:
    """Measure what is not measured yet."""
    todo = tasks(part, count)
    for synth in dict.fromkeys(task.synth for task in todo if part != "heard"):
        _ = matcher(synth, "lm", jobs).dictionary
    file = out / f"{part}.jsonl"
    out.mkdir(parents=True, exist_ok=True)
    done = {(r["synth"], r["system"], r["sound"], r["alteration"]) for r in lines(file)}
    todo = [task for task in todo if (task.synth, task.system, task.sound, task.alteration) not in done]
    with executor.local(jobs) as pool, progress.bar(part, len(todo), "sounds") as advance, file.open("a") as log:
        for k in range(0, len(todo), 4 * jobs):  # what is interrupted loses a handful
            for line in executor.run_all(pool, measure, todo[k : k + 4 * jobs], lambda task, line: advance(1)):
                log.write(json.dumps(line) + "\n")
            log.flush()


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in file.read_text().splitlines()] if file.exists() else []


def errors(line: dict[str, Any]) -> dict[str, float]:
    """|θ̂ − θ| / |θ| of each parameter that the match says is determined."""
    known = [name for name, yes in line["determined"].items() if yes]
    return {name: abs(line["parameters"][name] / line["true"][name] - 1) for name in known}


def median(values: Iterable[float]) -> str:
    values = list(values)
    return f"{statistics.median(values):.1e}" if values else "–"


def self_targets(found: list[dict[str, Any]]) -> str:
    rows = []
    for synth in dict.fromkeys(line["synth"] for line in found):
        of = [line for line in found if line["synth"] == synth]
        near = sum(line["distance"] < NEAR[synth] * line["random_distance"] for line in of)
        precise = sum(all(e < PRECISE[synth] for e in errors(line).values()) for line in of)
        known = [e for line in of for e in errors(line).values()]
        undetermined = sum(not yes for line in of for yes in line["determined"].values())
        seconds = [line["seconds"] for line in of]
        rows.append([
            synth, f"{near} / {len(of)}", f"{precise} / {len(of)}", median(known), str(undetermined),
            median(line["waveform"] for line in of),
            median(line["distance"] / line["random_distance"] for line in of), f"{statistics.median(seconds):.0f}", f"{max(seconds):.0f}",
        ])  # fmt: skip
    return table(
        "synth | found | every determined parameter recovered | median error | parameters not determined "
        "| waveform error | Φ-distance, of random | s, median | s, largest",
        rows,
    )


def recordings(found: list[dict[str, Any]]) -> str:
    rows = []
    for sound in dict.fromkeys(line["sound"] for line in found):
        of = {(line["synth"], line["system"]): line for line in found if line["sound"] == sound}
        least = min(line["distance"] for line in of.values())
        cells = [f"**{line['distance']:.1f}**" if line["distance"] == least else f"{line['distance']:.1f}" for line in of.values()]
        rows.append([sound, f"{next(iter(of.values()))['random_distance']:.0f}", *cells])
    systems = dict.fromkeys(f"{line['synth']}, {line['system']}" for line in found)
    return table("recording | random | " + " | ".join(systems), rows)


def both(found: list[dict[str, Any]]) -> str:
    text = "By both cores, one sound after the other (`python benchmarks/matching.py both --jobs 1`), in 60 s, and in 20; *encoder*: with "
    text += "`--encoder drum-recorded`:"
    return f"{text}\n\n{recordings(found)}\n" if found else ""


def drums(found: list[dict[str, Any]]) -> str:
    kinds = {drum["file"]: drum["kind"] for drum in manifest()}
    rows = []
    for synth in dict.fromkeys(line["synth"] for line in found):
        for kind in (*dict.fromkeys(kinds.values()), "all"):
            of = [line for line in found if line["synth"] == synth and kind in (kinds[line["sound"]], "all") and "error" not in line]
            if not of:
                continue
            nearer = sum(line["distance"] < line["yardstick"]["distance"] for line in of)
            worst = max(of, key=lambda line: line["distance"])
            medians = [f"{statistics.median(values):.1f}" for values in (
                [line["distance"] for line in of], [line["yardstick"]["distance"] for line in of], [line["random_distance"] for line in of],
            )]  # fmt: skip
            rows.append([synth, kind, str(len(of)), *medians, f"{worst['distance']:.1f} ({worst['sound']})", f"{nearer} / {len(of)}"])
    failed = [f"{line['sound']} by {line['synth']}: {line['error']}" for line in found if "error" in line]
    head = "synth | kind | sounds | median | nearest other recording, median | random, median | worst | nearer than the nearest other"
    return table(head, rows) + "".join(f"\n{text}\n" for text in failed)


def hearing(found: list[dict[str, Any]]) -> str:
    rows = []
    for name in dict.fromkeys(line["system"] for line in found):
        of = [line for line in found if line["system"] == name and "error" not in line]
        few = [line["distance"] for line in of if line["sound"] in six()]
        worst = max(of, key=lambda line: line["distance"])
        numbers = [f"{value:.1f}" for value in (statistics.median(few), statistics.median(line["distance"] for line in of))]
        rows.append([name, *numbers, f"{worst['distance']:.1f} ({worst['sound']})", f"{max(line['seconds'] for line in of):.2f}"])
    return table("encoder | the six recordings, median | all, median | worst | s, largest", rows)


def cores(found: list[dict[str, float]]) -> str:
    """Sounds a second, as `cores.py` found them."""
    if not found:
        return ""
    rate = found[0]
    rows = [
        [what, f"{rate[one]:.1f}", f"{rate[other]:.1f}", f"{rate[other] / rate[one]:.2f}"]
        for what, one, other in (
            ("`match`, evaluations, by one core and by two", "match, 1", "match, 2"),
            ("drums and their JTFS, by one core and by two", "jtfs, 1", "jtfs, 2"),
            ("drums compared by one core: in JTFS, and in the timbre that `guess` compares first", "jtfs, 1", "timbre, 1"),
        )
    ]
    return "`python benchmarks/cores.py`:\n\n" + table("sounds a second | | | ratio", rows)


def within(line: dict[str, Any], name: str) -> bool:
    """Whether the truth is within 3 standard errors."""
    return bool(abs(line["parameters"][name] - line["true"][name]) <= 3 * line["standard_errors"][name])


def truth(found: list[dict[str, Any]]) -> str:
    """For each parameter, how many sounds determine it, how often the truth is within 3 standard errors there, and the median error."""
    rows = []
    for name in found[0]["true"] if found else ():
        known = [line for line in found if line["determined"][name]]
        covered = sum(within(line, name) for line in known)
        rows.append([name, f"{len(known)} / {len(found)}", f"{covered} / {len(known)}", median(errors(line)[name] for line in known)])
    return table("parameter | determined | of these within 3 standard errors | median error", rows)


def robustness(found: list[dict[str, Any]]) -> str:
    rows = []
    for synth in dict.fromkeys(line["synth"] for line in found):
        for way in dict.fromkeys(line["alteration"] for line in found):
            of = [line for line in found if (line["synth"], line["alteration"]) == (synth, way)]
            known = [(line, name) for line in of for name, yes in line["determined"].items() if yes]
            covered = sum(within(line, name) for line, name in known)
            rows.append([synth, way or "as it is", f"{covered} / {len(known)}", median(e for line in of for e in errors(line).values())])
    return table("synth | alteration | determined parameters within 3 standard errors | median error", rows)


def hardness(found: list[dict[str, Any]]) -> str:
    said = [line.get("error") or f"{line['distance'] / line['random_distance']:.0%} of random. {line['advice']}" for line in found]
    return table("synth | sound | what is said", [[line["synth"], line["sound"], text] for line, text in zip(found, said, strict=True)])


PAGE = """# Benchmarks of matching

    python benchmarks/matching.py {parts} --jobs {jobs}

{about}; {jobs} processes of one thread, so that each sound has one core; JTFS, 256 candidates, {budget} s per sound. Candidates
({preparation}) are prepared once and not counted.

## Sounds that the synthesizer made

θ uniform in ν over the whole declared range, seeds 0, 1, …. A sound counts as found within 1 % (drum: 2 %) of the Φ-distance of random
ones, a parameter as recovered within a relative error of 10⁻³ (amfm) or 10⁻² (ftm, drum). Waveform error: ‖x̂ − x‖ / ‖x‖.

{self}
The same without `Synth.guess`: what candidates, sketch, survey and Levenberg–Marquardt reach alone.

{deaf}
## Sounds that end early

Drums of `ftm` with τ = 0.3 to 0.8 s, cut after 0.2 to 0.5 s, or every other one faded out in the 60 ms before that.

{cut}
## Sounds of a richer model

Drums of `drum`, anywhere in its range, matched by `ftm`, which has five of their fourteen parameters: standard errors allow for the misfit,
and what that leaves open is called not determined.

{misfit}
## Recordings

Φ-distance to six recorded drums after {budget} s; those by `ftm` all from the same candidates and guesses, `cma` and `descent` (Adam)
without the survey. A real drum is not in the model of `ftm`, and hardly in that of `drum`: what remains after the guess is a search over a
rough landscape, where exact derivatives say little (the [validity radius](radius.md) of ω and α is 5 · 10⁻⁴).

{recordings}
{both}## Encoders

Asked for the {count} drums below, without a search; the six recordings above are among these, and no training saw them; `drum-recorded`
has learned from 49 of the others. *Corrected once*: by one damped Gauss–Newton step from its answer, `invsound hear --feature jtfs`;
nothing is tried.
[What was tried to do better](results.md#recordings).

{heard}
## One core and two

{cores}
## Real drums

The {count} kicks, toms, snares and tablas of `benchmarks/drums/manifest.csv`, all CC0, as `python benchmarks/drums/unpack.py` unpacks them:
Φ-distance after {budget} s, beside that of the nearest other one of them.

{drums}
## Robustness

{robust}
## Out of reach

{hard}"""


def page(out: Path, jobs: int) -> None:
    made = {part: lines(out / f"{part}.jsonl") for part in PARTS}
    about = f"{environment.processor()}, torch {torch.__version__}"
    text = PAGE.format(
        jobs=jobs, budget=BUDGET, about=about, preparation="Sobol points", parts=" ".join(part for part in PARTS if part != "both"),
        cut=truth(made["cut"]), misfit=truth(made["misfit"]), drums=drums(made["drums"]), count=len(manifest()),
        **{"self": self_targets(made["self"]), "deaf": self_targets(made["deaf"]), "recordings": recordings(made["recordings"])},
        robust=robustness(made["robust"]), hard=hardness(made["hard"]), heard=hearing(made["heard"]), both=both(made["both"]),
        cores=cores(lines(out / "cores.jsonl")),
    )  # fmt: skip
    (ROOT / "docs" / "benchmarks-matching.md").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], default=[], help="what to measure; the page is written from what there is"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--count", type=int, default=50, help="sounds of each synth")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "benchmarks" / "matching",
        help="one file of lines for each part; what is there is not measured again",
    )
    given = parser.parse_args()
    for part in given.parts:
        few = {"robust": 5, "deaf": 6, "cut": 21, "misfit": 20}
        run(part, min(few.get(part, given.count), given.count), given.jobs, given.out)
    page(given.out, given.jobs)


if __name__ == "__main__":
    main()
