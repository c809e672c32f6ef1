"""Laws of loggers, on a training of three epochs that never was."""

from __future__ import annotations

import contextlib
import io
import os
import random
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from .law import hold, law
from .subject import Subject

CONFIG = {"parts": {"synth": "bell", "loss": "heard"}, "train": {"epochs": 2, "start": None}, "seed": 0}
EPOCHS = (
    {"val_loss": 1e30, "lr": 1e-3, "seconds": 0.0},
    {"val_loss": 0.5, "lr": 1e-3, "seconds": 1.5, "train_loss": 0.25, "gradient": 1e-30, "directions/1": 3.0, "λ": -2.0},
    {"val_loss": 0.5, "lr": 0.0, "seconds": 1.5, "train_loss": 0.0},
)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """The folder of a logger, in that of a run, which is the working folder inside the block."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as run:
        own = Path(run, "log", "own")
        own.mkdir(parents=True)
        os.chdir(run)
        try:
            yield own
        finally:
            os.chdir(before)


def told(subject: Subject, own: Path, epochs: tuple[Mapping[str, float], ...] = EPOCHS) -> None:
    """A logger that is told of some epochs, and closed."""
    logger = subject.build(folder=own)
    try:
        logger.begin({key: dict(value) if isinstance(value, dict) else value for key, value in CONFIG.items()})
        for epoch, values in enumerate(epochs):
            logger.log(epoch, dict(values))
    finally:
        logger.close()


@law("logger", mend="write whatever is in `values`, by its name, and expect no name to be there.")
def takes_what_it_is_told(subject: Subject) -> None:
    """Names may come and go from one epoch to the next, and be any; numbers may be any that are finite."""
    with folder() as own:
        told(subject, own)


@law("logger", mend="write into self.folder alone, and nothing before begin.")
def writes_in_its_folder_alone(subject: Subject) -> None:
    """Nothing is written outside `folder`, and nothing at all by the constructor."""
    with folder() as own:
        subject.build(folder=own)
        hold(not list(own.iterdir()), f"The constructor wrote {', '.join(path.name for path in own.iterdir())}")
        told(subject, own)
        run = own.parents[1]
        stray = [str(path.relative_to(run)) for path in run.rglob("*") if own not in (path, *path.parents) and path != own.parent]
        hold(not stray, f"After three epochs there is {', '.join(stray)} outside its folder")


@law("logger", mend="work on a copy: values = dict(values).")
def values_are_left_alone(subject: Subject) -> None:
    """The values and the options of the run are not modified: other loggers are told of them too."""
    with folder() as own:
        logger, config, epochs = subject.build(folder=own), {**CONFIG, "train": dict(CONFIG["train"])}, [dict(e) for e in EPOCHS]  # type: ignore[call-overload]
        logger.begin(config)
        for epoch, values in enumerate(epochs):
            logger.log(epoch, values)
        logger.close()
    hold(epochs == [dict(e) for e in EPOCHS], "The values of an epoch had changed after log")
    hold(config == CONFIG, "The options had changed after begin")


@law("logger", mend="print nothing, or to sys.stderr.")
def stdout_is_left_alone(subject: Subject) -> None:
    """Results go to stdout, and nothing else."""
    printed = io.StringIO()
    with folder() as own, contextlib.redirect_stdout(printed):
        told(subject, own)
    hold(not printed.getvalue(), f"It printed {printed.getvalue()[:60]!r}")


@law("logger", mend="draw from a random.Random or a torch.Generator of your own.")
def random_state_is_left_alone(subject: Subject) -> None:
    """A run finds the same numbers with a logger and without: nothing is drawn from a global generator."""
    with folder() as own:
        before = torch.get_rng_state(), random.getstate(), np.random.get_state(legacy=False)
        told(subject, own)
        after = torch.get_rng_state(), random.getstate(), np.random.get_state(legacy=False)
    hold(torch.equal(before[0], after[0]), "After three epochs torch's generator is in another state")
    hold(before[1] == after[1], "After three epochs the generator of the module random is in another state")
    hold(str(before[2]) == str(after[2]), "After three epochs numpy's generator is in another state")


@law("logger", mend="close files and join threads in close, and expect neither log nor begin to have been called.")
def close_ends_it(subject: Subject) -> None:
    """`close` ends threads, also where there was no epoch, or `begin` itself has failed."""
    threads = set(threading.enumerate())
    for epochs in (EPOCHS, (), None):
        with folder() as own:
            subject.build(folder=own).close() if epochs is None else told(subject, own, epochs)
        left = [thread.name for thread in threading.enumerate() if thread not in threads]
        hold(not left, f"After close there are threads: {', '.join(left)}")
