"""The training of a run: by this process, or by one for each device, which this one follows."""

from __future__ import annotations

import os
import socket
from concurrent.futures import FIRST_EXCEPTION, BrokenExecutor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data import columns, designs, fresh
from ..data.columns import Fold
from ..data.shards import Given, made_of, rebuilt
from ..data.store import Store
from ..encoder import Encoder
from ..errors import InvsoundError
from ..executor import Workforce
from ..pages import record
from ..runs.inputs import Inputs
from ..runs.parts import Parts
from ..system import executor, progress
from . import checkpoint, logs, start
from .ranks import Alone, Fabric, needed
from .trainer import OnEpoch, Trainer

Folds = dict[str, Fold]
GRACE = 5.0
"""Seconds that the others have to end where one has failed."""
POLL = 0.1
"""Seconds between looks at what the processes have learned."""


@dataclass(frozen=True)
class Rank:
    """One of the processes: what it learns, as it is told."""

    rank: int
    parts: tuple[Given, str, str]
    path: str
    accelerator: str
    port: int
    who: Workforce


def fit(parts: Parts, path: Path, folds: Folds, who: Workforce, device: str, on_epoch: OnEpoch | None = None) -> Encoder:
    """The encoder that the run in a folder learns, from its checkpoint if there is one: here, or by a process for each device."""
    train = parts.config.train
    alone = Fabric(train, device.partition(":")[0]) if needed(train) and train.devices == 1 else Alone()
    trainer = _trainer(parts, path, device, alone)
    if train.devices > 1:
        return _together(trainer, parts, path, device, who, on_epoch)
    first, val = _learned(parts, folds)
    with fresh.each(parts, first, Store(), who, device) as sounds:
        return trainer.fit(first, val, on_epoch, logs.of(parts, path), sounds)


def _trainer(parts: Parts, path: Path, device: str, ranks: Alone) -> Trainer:
    parts.to(device)
    encoder, config = start.encoder(parts, path).to(device), parts.config
    return Trainer(encoder, parts.loss, parts.optimizer, config.train, config.seed, path, parts.pretrain, ranks)


def _learned(parts: Parts, folds: Folds) -> tuple[Fold, Fold]:
    """The folds train and val in the coordinates that are learned."""
    train, val = (folds[name].at(parts.learned(folds[name].nu)) for name in ("train", "val"))
    return train, val


def _together(trainer: Trainer, parts: Parts, path: Path, device: str, who: Workforce, on_epoch: OnEpoch | None) -> Encoder:
    """The run folder is all that passes between processes: they go on from its checkpoint, and write it.

    What one of them raises is raised, and ends the others.
    """
    count, told = parts.config.train.devices, (made_of(parts), str(path.absolute()), device.partition(":")[0], _free_port(), who)
    if trainer.restore():
        progress.log.info(checkpoint.RESUMING, trainer.epoch, trainer.options.epochs)
    seen = len(trainer.metrics)
    with executor.workers(count) as pool, progress.bar("Training", trainer.options.epochs, "epochs") as advance:
        advance(trainer.epoch)
        try:
            futures: set[Future[Any]] = {pool.submit(learn, Rank(rank, *told)) for rank in range(count)}
            while futures:
                done, futures = wait(futures, POLL, FIRST_EXCEPTION)
                for metrics in _metrics(path)[seen:]:
                    seen += 1
                    if metrics["epoch"]:
                        advance(1)
                        if on_epoch:
                            on_epoch(metrics)
                if any(future.exception() for future in done):
                    raise _cause(done | wait(futures, GRACE).done)
        except BaseException:
            pool.kill()  # the others wait for the one that failed
            raise
    trainer.restore()
    return trainer.finish()


def _cause(ended: set[Future[Any]]) -> BaseException:
    """Of what processes raised, that from which the rest came: where one was killed, the others only hear that it has gone."""
    errors = [error for future in ended if (error := future.exception())]
    return min(errors, key=lambda error: 0 if isinstance(error, BrokenExecutor) else 1 if isinstance(error, InvsoundError) else 2)


def _metrics(path: Path) -> list[dict[str, Any]]:
    return record.epochs(path) if (path / "metrics.jsonl").is_file() else []


def learn(task: Rank) -> None:
    """What each of the processes does."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(task.port), "NODE_RANK": "0", "LOCAL_RANK": str(task.rank)}
    parts, path = rebuilt(*task.parts), Path(task.path)
    ranks = Fabric(parts.config.train, task.accelerator)
    trainer = _trainer(parts, path, ranks.device, ranks)
    drawn = designs.of_run(parts, Inputs(path))
    train, val = _learned(parts, columns.prepare(parts, drawn.nu, Store(), Workforce(), ranks.device, ("train", "val"), drawn.x))
    with fresh.each(parts, train, Store(), task.who, ranks.device, ranks) as sounds:
        trainer.fit(train, val, None, logs.nobody if ranks.rank else logs.of(parts, path), sounds)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
