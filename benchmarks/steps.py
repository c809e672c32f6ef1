"""What a training step costs, loss by loss: `python benchmarks/steps.py --batches 4 16 64`. The machine should be idle.

One process, one encoder, the same batch; the losses take turns, and the median of their processor seconds is printed as a Markdown table.
Sounds and Jacobians are prepared before, as in a run, and are not counted.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from tables import row, table

from invsound.runs import config
from invsound.runs.parts import Parts
from invsound.system import rng
from invsound.training.step import Step

LOSSES = {"P-loss": ("ploss", "mss"), "PNP-JTFS": ("pnp", "jtfs"), "DDSP-MSS": ("ddsp", "mss"), "DDSP-JTFS": ("ddsp", "jtfs")}
DISTINCT = 4  # sounds that are prepared; a larger batch repeats them, which costs a step the same


def parts(synth: str, samples: int | None, encoder: str, loss: str, feature: str) -> Parts:
    """The parts of a run, no sound drawn; `samples` None is the synth's own length."""
    length = {} if samples is None else {"synth": {"num_samples": samples}}
    return Parts(config.resolve({"parts": {"synth": synth, "feature": feature, "loss": loss, "encoder": encoder}, **length}))


def stepper(made: Parts, batch: int) -> Callable[[], object]:
    """One step of Adam on a batch that is prepared here."""
    nu = 1.8 * torch.rand(min(batch, DISTINCT), len(made.space), generator=torch.Generator().manual_seed(0)) - 0.9
    with torch.no_grad():
        columns = (made.front_end.prepare(made.render(nu)), nu, made.loss.prepare(nu))
    inputs, nu, side = (column[torch.arange(batch) % len(column)] for column in columns)
    made.loss.calibrate(side)
    made.loss.train()
    encoder = made.encoder().train()
    optimizer = torch.optim.Adam(encoder.parameters(), 1e-4)
    return lambda: optimizer.step(Step(encoder, made.loss, (inputs, nu, side), rng.generator(0, "labels")))


def in_turns(work: dict[str, Callable[[], object]], repeats: int, clock: Callable[[], float]) -> dict[str, float]:
    """name → median seconds; the first turn is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats + 1):
        for name, call in work.items():
            start = clock()
            call()
            seconds[name].append(clock() - start)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def rows(arguments: argparse.Namespace) -> Iterator[list[str]]:
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    for synth in arguments.synths:
        for samples in arguments.samples or [None]:
            made = {name: parts(synth, samples, arguments.encoder, *names) for name, names in LOSSES.items()}
            N = made["P-loss"].synth.signal.num_samples
            for batch in arguments.batches:
                s = in_turns({name: stepper(one, batch) for name, one in made.items()}, arguments.repeats, clock)
                ratios = f"{s['PNP-JTFS'] / s['P-loss']:.2f}", f"{s['DDSP-JTFS'] / s['PNP-JTFS']:.0f}"
                yield [synth, str(N), str(batch), *(f"{1e3 * s[name]:.3g}" for name in LOSSES), *ratios]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--synths", nargs="+", default=["amfm", "ftm"])
    options.add_argument("--batches", nargs="+", type=int, default=[4, 16])
    options.add_argument("--samples", nargs="+", type=int, help="lengths of the sounds, instead of the synth's own")
    options.add_argument("--encoder", default="cnn")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--threads", type=int, default=1, help="one thread is measured in processor time, more in wall-clock time")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    head = " | ".join(["synth", "N", "batch", *(f"{name}, ms" for name in LOSSES), "PNP : P-loss", "DDSP-JTFS : PNP"])
    print(f"Encoder {arguments.encoder}, {arguments.threads} threads, torch {torch.__version__}, median of {arguments.repeats} steps.\n")
    print(table(head, []), end="")
    for cells in rows(arguments):
        print(row(cells), end="", flush=True)


if __name__ == "__main__":
    main()
