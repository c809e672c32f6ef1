"""Ratios of two things measured in one process, and what they cost in memory: `nox -s bench` writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import math
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

import kymatio
import torch
from invsound_jtfs.filters import bank, lowpass, spinned
from invsound_jtfs.padding import pad
from invsound_jtfs.plan import Plan
from invsound_jtfs.threads import team
from tables import table

import invsound
from invsound import pipeline
from invsound.runs import environment
from invsound.system import heap

PAPER = {"amfm": 2**15, "ftm": 2**16}
Row = tuple[str, ...]


def median_ms(work: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Medians in ms; the things compared take turns of 20 ms or one call, so that a slow minute slows all of them."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(repeats + 1):
        for name, function in work.items():
            start, calls = time.perf_counter(), 0
            while not calls or time.perf_counter() < start + 0.02:
                function()
                calls += 1
            if turn:  # the first turn warms up
                times[name].append(1e3 * (time.perf_counter() - start) / calls)
    return {name: statistics.median(values) for name, values in times.items()}


def problem(synth: str, feature: str, num_samples: int | None = None, **options: object) -> tuple[invsound.Problem, torch.Tensor]:
    g = invsound.make("synth", synth, **({"num_samples": num_samples} if num_samples else {}))
    nu = torch.rand(4, len(g.space), generator=torch.Generator().manual_seed(0)) - 0.5
    return invsound.Problem(g, invsound.make("feature", feature, signal=g.signal, **options)), nu


def backward(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> Callable[[], object]:
    def work() -> object:
        leaf = x.detach().clone().requires_grad_()
        return torch.autograd.grad(function(leaf).square().sum(), leaf)

    return work


def modes(p: invsound.Problem, nu: torch.Tensor) -> dict[str, Callable[[], object]]:
    x = p.render(nu)
    return {"forward": lambda: p.feature(x), "forward + backward": backward(p.feature, x), "Jacobian": lambda: p.jacobian(nu)}


def direct_drum(g: invsound.Synth, theta: torch.Tensor) -> torch.Tensor:
    """The drum as the plain sum of its modes, a row of N samples for each."""
    omega, sigma = (rate / g.signal.sample_rate for rate in g.modes(theta))
    n = torch.arange(g.signal.num_samples)
    x = (g.shape / omega)[..., None] * torch.exp(-sigma[..., None] * n) * torch.sin(omega[..., None] * n)
    return x.sum(1) / x.sum(1).abs().amax(1, keepdim=True)


def along(feature: torch.nn.Module, x: torch.Tensor, dx: torch.Tensor) -> torch.Tensor:
    """Derivatives of the feature at x [B, N] along directions dx [P, B, N]."""
    return torch.func.vmap(lambda d: torch.func.jvp(feature, (x,), (d,))[1])(dx)


def against_kymatio(repeats: int) -> list[Row]:
    from kymatio.torch import Scattering1D

    rows = []
    for synth, N in PAPER.items():
        p, nu = problem(synth, "jtfs")
        slow, _ = problem(synth, "jtfs", compile=False)
        x = p.render(nu[:1])
        plain = Scattering1D(J=13, shape=N, Q=12, T=2**13)
        work = {"plain": lambda plain=plain, x=x: plain(x), "plain backward": backward(plain, x)}
        for note, q in (("", p), (", not compiled", slow)):
            work |= {f"{name}{note}": function for name, function in modes(q, nu[:1]).items()}
        ms = median_ms(work, repeats)
        for name in list(work)[2:]:
            base = "plain backward" if "backward" in name else "plain"
            rows.append((synth, name, f"{ms[name]:.0f}", f"{ms[base]:.0f}", f"{ms[name] / ms[base]:.2f}"))
    return rows


MEMORIES = {"as it comes": {}, "kept": {"KEEP": "1"}, "huge pages": {"THP_MEM_ALLOC_ENABLE": "1"}}
"""What is done about memory, and the variables that say so: KEEP is ours, the other is torch's."""


def alternate(synth: str, N: int, threads: int, repeats: int, pipe: Any) -> None:
    """ms of our forward transform, our Jacobian and kymatio's forward transform, in turns; as often as it is asked."""
    from kymatio.torch import Scattering1D

    torch.set_num_threads(threads)
    p, nu = problem(synth, "jtfs", num_samples=N)
    x, plain = p.render(nu[:1]), Scattering1D(J=13, shape=N, Q=12, T=2**13)
    work = {"forward": lambda: p.feature(x), "Jacobian": lambda: p.jacobian(nu[:1]), "kymatio": lambda: plain(x)}
    with heap.kept() if "KEEP" in os.environ else contextlib.nullcontext(), contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            pipe.send(median_ms(work, repeats))
            pipe.recv()


def over_processes(given: argparse.Namespace, lengths: dict[str, int] = PAPER) -> list[Row]:
    """Of fresh processes, one after the other, the range of each, and our median over kymatio's fastest and over its slowest.

    Processes with different memory take turns.
    """
    rows = []
    for synth, N in lengths.items():
        found: dict[str, list[dict[str, float]]] = {memory: [] for memory in MEMORIES}
        for _ in range(given.processes):
            for memory, variables in MEMORIES.items():
                with mock.patch.dict(os.environ, variables):
                    found[memory].append(answered(alternate, synth, N, given.threads, given.repeats))
        for memory, measured in found.items():
            theirs = [ms["kymatio"] for ms in measured]
            for name in ("forward", "Jacobian"):
                ours = [ms[name] for ms in measured]
                ratios = [f"{statistics.median(ours) / end:.2f}" for end in (min(theirs), max(theirs))]
                rows.append((synth, name, memory, *(f"{min(ms):.0f}–{max(ms):.0f}" for ms in (ours, theirs)), *ratios))
    return rows


@contextlib.contextmanager
def asked(function: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """The other end of the last argument of a function, in a process of its own."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=function, args=(*arguments, there))
    process.start()
    there.close()  # so that the end of a process that failed is heard
    try:
        yield here
    finally:
        here.close()
        process.join()


def answered(function: Callable[..., None], *arguments: object) -> Any:
    """What a function sends through its last argument, from a process of its own."""
    with asked(function, *arguments) as pipe:
        return pipe.recv()


@contextlib.contextmanager
def same_addresses() -> Iterator[None]:
    """Processes that are started inside lie where every other lies: no random addresses, and sets in one order."""
    personality = ctypes.CDLL(None).personality
    before = personality(0xFFFFFFFF)
    personality(before | 0x0040000)  # ADDR_NO_RANDOMIZE, of <sys/personality.h>
    try:
        with mock.patch.dict(os.environ, {"PYTHONHASHSEED": "0"}):
            yield
    finally:
        personality(before)


def why(given: argparse.Namespace) -> list[Row]:
    """The same range of one process that is asked again and again, of fresh ones, and of fresh ones at the same addresses, in turns."""
    rows = []
    for synth, N in PAPER.items():
        found: dict[str, list[dict[str, float]]] = {}
        ask = (alternate, synth, N, given.threads, given.repeats)
        with asked(*ask) as pipe:
            for _ in range(given.processes):
                found.setdefault("one, asked again", []).append(pipe.recv())
                found.setdefault("fresh", []).append(answered(*ask))
                with same_addresses():
                    found.setdefault("fresh, at the same addresses", []).append(answered(*ask))
                pipe.send(None)
        for name, measured in found.items():
            ranges = [sorted(ms[what] for ms in measured) for what in ("forward", "kymatio")]
            rows.append((synth, name, *(f"{ms[0]:.0f}–{ms[-1]:.0f} ({ms[-1] / ms[0]:.2f})" for ms in ranges)))
    return rows


def eager_jtfs(x: torch.Tensor, plan: Plan) -> torch.Tensor:
    """The second order for T = "global", F ≥ 1, as one would write it: Fourier transforms of whole lengths, complex moduli."""
    geometry, F = plan.geometry, plan.config.support_fr
    N, N_fr, step = geometry.padded, geometry.padded_fr, geometry.log2_stride_fr
    psi1, psis_fr = bank(plan.config.J, plan.config.Q[0]), spinned(plan.config.J_fr, plan.config.Q_fr)

    def filtered(X: torch.Tensor, spectrum: object, k: int) -> torch.Tensor:
        product = X * torch.as_tensor(spectrum, dtype=x.dtype)
        return torch.fft.ifft(product.unflatten(-1, (2**k, -1)).mean(-2))

    X, S = torch.fft.fft(pad(x, plan)), []
    U = [torch.fft.fft(filtered(X, psi.spectrum(N), psi.j).abs()) for psi in psi1]
    for psi in bank(plan.config.J, plan.config.Q[1]):
        inner = [(u, p.j) for u, p in zip(U, psi1, strict=True) if p.j < psi.j]
        if not inner:
            continue
        Y = torch.stack([filtered(u, psi.spectrum(N).reshape(2**j, -1).sum(0), psi.j - j) for u, j in inner], -1)
        Y_fr = torch.fft.fft(Y, N_fr)
        for psi_fr in psis_fr:
            k = min(psi_fr.j, step)
            m = filtered(Y_fr, psi_fr.spectrum(N_fr), k).abs().sum(-2)
            if psi_fr.xi:
                m = filtered(torch.fft.fft(m), lowpass(F).spectrum(N_fr).reshape(2**k, -1).sum(0), step - k).real
            S.append(m[..., : math.ceil(len(inner) / 2 ** (step if psi_fr.xi else psi_fr.j))])
    return torch.cat(S, -1)


def against_eager(repeats: int) -> list[Row]:
    """The Jacobian by `jacfwd` through plain eager code that computes the same numbers."""
    rows = []
    for synth, N in (("amfm", 2**15), ("ftm", 2**15)):
        p, nu = problem(synth, "jtfs", num_samples=N, log=False)
        plan = Plan.of(p.feature.config, torch.float32, nu.device)
        size = sum(path.size for joint in plan.joints for path in joint.frequency.paths)

        def slow(nu: torch.Tensor, p: invsound.Problem = p, plan: Plan = plan) -> torch.Tensor:
            return eager_jtfs(p.render(nu), plan)

        difference = slow(nu[:1]) - p(nu[:1])[:, -size:]
        assert difference.norm() < 1e-4 * p(nu[:1]).norm()
        work = {"ours": lambda p=p, nu=nu: p.jacobian(nu[:1]), "eager": lambda slow=slow, nu=nu: torch.func.jacfwd(slow)(nu[:1])}
        ms = median_ms(work, max(1, repeats // 7))
        rows.append((synth, str(N), f"{ms['ours']:.0f}", f"{ms['eager']:.0f}", f"{ms['eager'] / ms['ours']:.0f}"))
    return rows


def floor(plan: Plan, C: int) -> Callable[[], object]:
    """The Fourier transforms and products of matrices of one sound with C − 1 tangents, and nothing else."""

    def transform(fft: Callable[[torch.Tensor], object], rows: int, size: int, dtype: torch.dtype) -> Callable[[], object]:
        z = torch.randn(min(rows, max(1, 2**20 // (C * size))), C, size, dtype=dtype)
        return lambda: [fft(z[: rows - at]) for at in range(0, rows, len(z))] and None

    def product(ab: torch.Tensor, columns: int) -> Callable[[], object]:
        Y, out = torch.randn(ab.shape[1], min(columns, 512)), ab.new_empty(len(ab), min(columns, 512))
        return lambda: [torch.mm(ab, Y, out=out) for _ in range(0, columns, 512)] and None

    pieces = [transform(torch.fft.ifft, len(g.bands), g.size, torch.complex64) for g in plan.groups]
    pieces += [transform(torch.fft.rfft, len(g.bands), g.size, torch.float32) for g in plan.groups]
    pieces += [transform(torch.fft.ifft, joint.n_max, joint.size, torch.complex64) for joint in plan.joints]
    pieces += [product(joint.frequency.filters.ab, 2 * C * joint.size) for joint in plan.joints]
    like = torch.empty(1, plan.config.num_samples)

    def work() -> None:
        with team(like) as spread:
            list(spread(lambda piece: piece(), pieces))

    return work


def floors(repeats: int) -> list[Row]:
    rows = []
    for synth in PAPER:
        p, nu = problem(synth, "jtfs")
        x, plan = p.render(nu[:1]), Plan.of(p.feature.config, nu.dtype, nu.device)
        dx = torch.randn(nu.shape[1], *x.shape)
        work = {
            "forward": lambda p=p, x=x: p.feature(x),
            "floor": floor(plan, 1),
            f"{len(dx)} tangents": lambda p=p, x=x, dx=dx: along(p.feature, x, dx),
            "floor with tangents": floor(plan, 1 + len(dx)),
        }
        names, ms = list(work), median_ms(work, repeats)
        pairs = [(name, ms[name], ms[least]) for name, least in zip(names[::2], names[1::2], strict=True)]
        rows += [(synth, name, f"{ours:.0f}", f"{least:.0f}", f"{least / ours:.0%}") for name, ours, least in pairs]
    return rows


def scaling(repeats: int) -> list[Row]:
    """ms per sound of amfm × jtfs as the batch, the length and the number of directions grow."""
    rows = []
    for B in (1, 4, 16):
        p, nu = problem("amfm", "jtfs")
        ms = median_ms(modes(p, nu.repeat(4, 1)[:B]), repeats)
        rows.append(("B", str(B), *(f"{value / B:.0f}" for value in ms.values())))
    for N in (2**14, 2**15, 2**16, 2**17):
        p, nu = problem("amfm", "jtfs", num_samples=N)
        rows.append(("N", str(N), *(f"{value:.0f}" for value in median_ms(modes(p, nu[:1]), repeats).values())))
    p, nu = problem("amfm", "jtfs")
    x = p.render(nu[:1])
    for P in (1, 2, 4, 8, 16):
        dx = torch.randn(P, *x.shape)
        rows.append(("P", str(P), "", "", f"{median_ms({'J': lambda dx=dx: along(p.feature, x, dx)}, repeats)['J']:.0f}"))
    return rows


def averages(repeats: int) -> list[Row]:
    """ms per sound of amfm × jtfs, MiB of the Jacobian and at its peak."""
    rows = []
    for T in ("global", 2**13, 2**9, 0):
        p, nu = problem("amfm", "jtfs", T=T)
        ms, size = median_ms(modes(p, nu[:1]), repeats), p.feature(p.render(nu[:1])).shape[1]
        mib = (size * nu.shape[1] * 4 / 2**20, peak("Jacobian", "amfm", 1, T))
        rows.append((str(T), str(size), *(f"{value:.0f}" for value in (*ms.values(), *mib))))
    return rows


def representations(repeats: int) -> list[Row]:
    rows = []
    for synth in PAPER:
        for feature in ("jtfs", "mss"):
            p, nu = problem(synth, feature)
            work = modes(p, nu[:1]) | {"batch": lambda p=p, nu=nu: p.jacobian(nu)}
            *ms, batch = median_ms(work, repeats).values()
            rows.append((f"{synth} × {feature}", *(f"{value:.0f}" for value in ms), f"{batch / 4:.0f}"))
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


def peak_above_import(kind: str, synth: str, batch: int, T: int | str, pipe: object) -> None:
    torch.set_num_threads(1)
    p, nu = problem(synth, "jtfs", T=T)
    nu = nu[:1].expand(batch, -1)
    before = peak_kib()
    modes(p, nu)[kind]()
    pipe.send((peak_kib() - before) / 1024)  # type: ignore[attr-defined]


def peak(kind: str, synth: str, batch: int, T: int | str = "global") -> float:
    """MiB, in a process of its own."""
    mib: float = answered(peak_above_import, kind, synth, batch, T)
    return mib


def memory() -> list[Row]:
    cases = [(kind, synth, batch) for kind in ("forward", "forward + backward", "Jacobian") for synth in PAPER for batch in (1, 4, 16)]
    return [(kind, synth, str(batch), f"{peak(kind, synth, batch):.0f}") for kind, synth, batch in cases]


def jobs(sounds: int) -> list[Row]:
    """Seconds to prepare amfm × jtfs for PNP."""
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
    return [(str(n), f"{s:.1f}", f"{seconds[1] / s:.2f}", f"{2000 / (sounds + 8) * s:.0f}") for n, s in seconds.items()]


INTRODUCTION = """# Benchmarks

Ratios of two things measured in turns in one process; medians. Absolute times are those of one machine on one day.

    nox -s bench -- --threads {threads} --repeats {repeats}

{about}; {threads} threads, float32, J=13, Q=(12, 1), Q_fr=1, J_fr=3, F=2, T="global".
"""


@dataclass(frozen=True)
class Section:
    """A heading, what is to be said, and a table: its head, and what measures its rows."""

    title: str
    text: str
    head: str
    rows: Callable[[argparse.Namespace], list[Row]]

    def measured(self, given: argparse.Namespace) -> str:
        return f"## {self.title}\n\n{self.text.format(**vars(given))}\n\n{table(self.head, self.rows(given))}"


SECTIONS = (
    Section(
        "Against plain scattering",
        "kymatio's `Scattering1D` (order 2, Q=12, J=13, T=2^13) has no frequency scattering. A Jacobian (all P directions, the\n"
        "synthesizer included) is compared with one plain forward transform.\n"
        "*Not compiled* is what remains without a C compiler (`compile=False`).",
        "synth | what | ms | kymatio, ms | ratio",
        lambda given: against_kymatio(given.repeats),
    ),
    Section(
        "Over fresh processes",
        "kymatio takes longer in one process than in another, on the same idle machine. In each of {processes} fresh processes both\n"
        "take turns: the least and the greatest of their medians, ms, and our median over kymatio's fastest and over its slowest. Memory\n"
        "is as the system gives it; or kept by the C library, so that no page is asked for, and zeroed, twice (`invsound.system.heap`);\n"
        "or of huge pages, 2 MiB, as torch asks for with THP_MEM_ALLOC_ENABLE=1. Where the ranges of these overlap, memory is not what\n"
        "makes processes differ, for kymatio or for us. {about}.",
        "synth | what | memory | ours | kymatio | ours over its fastest | over its slowest",
        over_processes,
    ),
    Section(
        "Why processes differ",
        "Is it the process, or the hour? In turns, and {processes} times: one process that is asked again, a fresh one, and a fresh one\n"
        "whose addresses and order of sets are those of every other (no ASLR, PYTHONHASHSEED=0). Least and greatest median of the\n"
        "forward transform, ms, and their ratio. Where one process differs from itself as much as fresh ones, it is the hour.\n"
        "{about}.",
        "synth | processes | ours | kymatio",
        why,
    ),
    Section(
        "Against plain eager code",
        "The same numbers by Fourier transforms of whole lengths and complex moduli in eager torch (`eager_jtfs` in\n"
        "benchmarks/bench.py), the Jacobian by `torch.func.jacfwd`, ms.\n"
        "Both at N = 2^15, since the plain code needs several GiB for the drum's 2^16 samples.",
        "synth | N | ours | eager | ratio",
        lambda given: against_eager(given.repeats),
    ),
    Section(
        "Against the floor",
        "The Fourier transforms and products of matrices alone, of the same shapes on the same number of threads, ms. Ours multiply\n"
        "the matrices along log-frequency themselves, without the ends of rows that are negligible: the floor may be undercut.",
        "synth | what | ours | floor | share",
        lambda given: floors(given.repeats),
    ),
    Section(
        "Representations",
        "ms per sound.",
        "problem | forward | forward + backward | Jacobian | Jacobian, batch of 4",
        lambda given: representations(given.repeats),
    ),
    Section(
        "Synthesis",
        "ms per sound. The bound is 1.5 (1 + P) syntheses.",
        "synth | sound | Jacobian | in syntheses | bound | direct sum of modes, in syntheses",
        lambda given: synthesis(given.repeats),
    ),
    Section(
        "Scaling",
        "ms per sound of amfm × jtfs with the number of sounds, of samples and of directions.",
        "what grows | to | forward | forward + backward | Jacobian",
        lambda given: scaling(max(1, given.repeats // 2)),
    ),
    Section(
        "Averages over time",
        "ms per sound of amfm × jtfs by the support T of the average, samples; MiB of the output and at the peak of a Jacobian, one\n"
        "thread.",
        "T | D | forward | forward + backward | Jacobian | output | peak",
        lambda given: averages(max(1, given.repeats // 2)),
    ),
    Section(
        "Memory",
        "MiB at the peak, above the imported baseline, one thread.",
        "what | synth | sounds | MiB",
        lambda given: memory(),
    ),
    Section(
        "Processes",
        "Preparation of {sounds} + 8 amfm × jtfs sounds for PNP, start of the processes included, and what 2,000 sounds would take, s.",
        "jobs | s | speed-up | 2,000 sounds",
        lambda given: jobs(given.sounds),
    ),
)


def main() -> None:
    titles = [section.title for section in SECTIONS]
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--sounds", type=int, default=504)
    parser.add_argument("--processes", type=int, default=7, help="fresh processes of the section over them")
    parser.add_argument("--only", nargs="+", choices=titles, metavar="TITLE", help="measure these sections, and keep the rest of the page")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    about = f"{environment.processor()}, torch {torch.__version__}, kymatio {kymatio.__version__}, Python {platform.python_version()}"
    page = {text.split("\n", 1)[0]: f"## {text}" for text in given.out.read_text().split("\n## ")[1:]} if given.only else {}
    given.about = about
    page |= {section.title: section.measured(given) for section in SECTIONS if section.title in (given.only or titles)}
    introduction = INTRODUCTION.format(threads=given.threads, repeats=given.repeats, about=about)
    if given.only:  # the rest was measured by the machine that it says
        introduction = given.out.read_text().split("\n## ")[0]
    given.out.write_text("\n".join([introduction, *(page[title].rstrip("\n") + "\n" for title in titles if title in page)]))


if __name__ == "__main__":
    main()
