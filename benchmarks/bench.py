"""Ratios of two things measured in one process, and what they cost in memory: `nox -s bench` writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import kymatio
import torch

import invsound
from invsound import environment, pipeline

PAPER = {"amfm": 2**15, "ftm": 2**16}
Row = tuple[str, ...]


def median_ms(work: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Medians in ms; the things compared take turns, so that a slow minute slows all of them."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(repeats + 1):
        for name, function in work.items():
            start = time.perf_counter()
            function()
            if turn:  # the first turn warms up
                times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def problem(synth: str, feature: str) -> tuple[invsound.Problem, torch.Tensor]:
    g = invsound.make("synth", synth)
    nu = torch.rand(4, len(g.space), generator=torch.Generator().manual_seed(0)) - 0.5
    return invsound.Problem(g, invsound.make("feature", feature, signal=g.signal)), nu


def backward(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> Callable[[], object]:
    def work() -> object:
        leaf = x.detach().clone().requires_grad_()
        return torch.autograd.grad(function(leaf).square().sum(), leaf)

    return work


def direct_drum(g: invsound.Synth, theta: torch.Tensor) -> torch.Tensor:
    """The drum as the plain sum of its modes, a row of N samples for each."""
    omega, sigma = (rate / g.signal.sample_rate for rate in g.modes(theta))
    n = torch.arange(g.signal.num_samples)
    x = (g.shape / omega)[..., None] * torch.exp(-sigma[..., None] * n) * torch.sin(omega[..., None] * n)
    return x.sum(1) / x.sum(1).abs().amax(1, keepdim=True)


def against_kymatio(repeats: int) -> list[Row]:
    from kymatio.torch import Scattering1D

    rows = []
    for synth, N in PAPER.items():
        p, nu = problem(synth, "jtfs")
        x = p.render(nu[:1])
        plain = Scattering1D(J=13, shape=N, Q=12, T=2**13)
        work = {
            "plain": lambda plain=plain, x=x: plain(x),
            "plain backward": backward(plain, x),
            "forward": lambda p=p, x=x: p.feature(x),
            "backward": backward(p.feature, x),
            "jacobian": lambda p=p, nu=nu: p.jacobian(nu[:1]),
        }
        ms = median_ms(work, repeats)
        for name, base in (("forward", "plain"), ("backward", "plain backward"), ("jacobian", "plain")):
            rows.append((synth, name, f"{ms[name]:.0f}", f"{base}: {ms[base]:.0f}", f"{ms[name] / ms[base]:.2f}"))
    return rows


def representations(repeats: int) -> list[Row]:
    rows = []
    for synth in PAPER:
        for feature in ("jtfs", "mss"):
            p, nu = problem(synth, feature)
            x = p.render(nu[:1])
            work = {
                "forward": lambda p=p, x=x: p.feature(x),
                "backward": backward(p.feature, x),
                "jacobian": lambda p=p, nu=nu: p.jacobian(nu[:1]),
                "batch": lambda p=p, nu=nu: p.jacobian(nu),
            }
            ms = median_ms(work, repeats)
            rows.append((f"{synth} × {feature}", *(f"{ms[name]:.0f}" for name in work if name != "batch"), f"{ms['batch'] / 4:.0f}"))
    return rows


def synthesis(repeats: int) -> list[Row]:
    rows = []
    for synth in ("amfm", "ftm", "string", "ddsp"):
        g = invsound.make("synth", synth)
        nu = torch.rand(1, len(g.space), generator=torch.Generator().manual_seed(0)) - 0.5
        theta, directions = g.space.to_theta(nu), torch.eye(len(g.space))[:, None]

        def jacobian(g: invsound.Synth = g, theta: torch.Tensor = theta, directions: torch.Tensor = directions) -> object:
            return torch.func.vmap(lambda d: torch.func.jvp(g, (theta,), (d,))[1])(directions)

        work = {"sound": lambda g=g, theta=theta: g(theta), "jacobian": jacobian}
        work |= {"direct": lambda g=g, theta=theta: direct_drum(g, theta)} if synth == "ftm" else {}
        ms = median_ms(work, 5 * repeats)
        ratio, direct = ms["jacobian"] / ms["sound"], f"{ms['direct'] / ms['sound']:.0f}" if synth == "ftm" else ""
        rows.append((synth, f"{ms['sound']:.2f}", f"{ms['jacobian']:.1f}", f"{ratio:.1f}", f"{1.5 * (1 + len(g.space)):.1f}", direct))
    return rows


def peak_kib() -> int:
    """The largest resident set since this program was started (ru_maxrss would begin with its parent's)."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])


def peak_above_import(kind: str, synth: str, batch: int, pipe: object) -> None:
    torch.set_num_threads(1)
    p, nu = problem(synth, "jtfs")
    before = peak_kib()
    if kind == "jacobian":
        p.jacobian(nu[:1].expand(batch, -1))
    else:
        backward(p.feature, p.render(nu[:1].expand(batch, -1)))()
    pipe.send((peak_kib() - before) / 1024)  # type: ignore[attr-defined]


def memory() -> list[Row]:
    rows = []
    for kind, synth, batch in [("jacobian", s, b) for s in PAPER for b in (1, 4, 16)] + [("backward", s, 4) for s in PAPER]:
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=peak_above_import, args=(kind, synth, batch, there))
        process.start()
        rows.append((kind, synth, str(batch), f"{here.recv():.0f}"))
        process.join()
    return rows


def jobs(sounds: int) -> list[Row]:
    """Seconds to prepare amfm × jtfs for PNP."""
    import os

    seconds = {}
    for count in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["INVSOUND_CACHE"] = folder
            overrides = [
                f"data.train={sounds}",
                "data.val=8",
                "data.test=8",
                "train.epochs=0",
                "evaluate.scores=[mss]",
                "evaluate.micro=false",
            ]
            run = pipeline.run("amfm", "jtfs", "pnp", overrides=overrides, jobs=count, out=Path(folder) / "run")
            seconds[count] = run["seconds"]["preparation"]
    return [(str(n), f"{s:.1f}", f"{seconds[1] / s:.2f}") for n, s in seconds.items()]


def table(head: str, rows: list[Row]) -> str:
    columns = head.split(" | ")
    lines = [head, " | ".join("---" for _ in columns), *(" | ".join(row) for row in rows)]
    return "".join(f"| {line} |\n" for line in lines)


PAGE = """# Benchmarks

Ratios of two things measured in turns in one process; medians. Absolute times are those of one machine on one day.

    nox -s bench -- --threads {threads} --repeats {repeats}

{about}; {threads} threads, float32, J=13, Q=(12, 1), Q_fr=1, J_fr=3, F=2, T="global".

## Against plain scattering

kymatio's `Scattering1D` (order 2, Q=12, J=13, T=2^13) has no frequency scattering. A Jacobian (all P directions, the synthesizer
included) is compared with one plain forward transform.

{kymatio}
## Representations

ms per sound.

{representations}
## Synthesis

ms per sound. The bound is 1.5 (1 + P) syntheses.

{synthesis}
## Memory

MiB at the peak, above the imported baseline, one thread.

{memory}
## Processes

Preparation of {sounds} + 8 amfm × jtfs sounds for PNP, start of the processes included.

{jobs}"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--sounds", type=int, default=112)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    about = f"{environment.processor()}, torch {torch.__version__}, kymatio {kymatio.__version__}, Python {platform.python_version()}"
    given.out.write_text(PAGE.format(
        threads=given.threads, repeats=given.repeats, about=about, sounds=given.sounds,
        kymatio=table("synth | what | ms | kymatio, ms | ratio", against_kymatio(given.repeats)),
        representations=table("problem | forward | forward + backward | Jacobian | Jacobian, batch of 4", representations(given.repeats)),
        synthesis=table("synth | sound | Jacobian | in syntheses | bound | direct sum of modes, in syntheses", synthesis(given.repeats)),
        memory=table("what | synth | sounds | MiB", memory()),
        jobs=table("jobs | s | speed-up", jobs(given.sounds)),
    ))  # fmt: skip


if __name__ == "__main__":
    main()
