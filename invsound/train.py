"""Training: the only loop over epochs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from . import checkpoint, progress, rng
from .config import Train
from .data import Fold
from .encoder import Encoder
from .errors import InvsoundError, NonFiniteError
from .files import write_text
from .loss import Loss

MakeOptimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


class Trainer:
    """The state of one training: encoder, loss, optimizer, the best encoder so far, and what each epoch said.

    Epoch e draws its order, and its dropout, from (seed, e) alone: a resumed training repeats an uninterrupted one.
    """

    def __init__(self, encoder: Encoder, loss: Loss, make_optimizer: MakeOptimizer, options: Train, seed: int, folder: Path) -> None:
        self.encoder, self.loss, self.options, self.seed, self.folder = encoder, loss, options, seed, folder
        self.optimizer = make_optimizer(list(encoder.parameters()))
        patience = options.plateau if options.plateau is not None else 10**9
        self.schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, factor=0.1, patience=patience)
        self.epoch, self.best, self.kept = 0, math.inf, self._weights()
        self.metrics: list[dict[str, Any]] = []

    @property
    def path(self) -> Path:
        return self.folder / "checkpoint" / "state.safetensors"

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.encoder.state_dict().items()}

    def fit(self, train: Fold, val: Fold) -> Encoder:
        """Train to the last epoch from the checkpoint, if there is one, and return the encoder that is kept, in `eval()`."""
        self.loss.calibrate(train.columns["side"])
        if not self.restore():
            self._validated(val, train_loss=None, seconds=0.0)
        with progress.bar("Training", self.options.epochs, "epochs") as advance:
            advance(self.epoch)
            while self.epoch < self.options.epochs:
                start = time.perf_counter()
                self.epoch += 1
                train_loss = self.train_epoch(train)
                self._validated(val, train_loss, time.perf_counter() - start)
                self.checkpoint()
                advance(1)
        self.encoder.load_state_dict(self.kept)
        return self.encoder.eval()

    def train_epoch(self, fold: Fold) -> float:
        """One pass; the mean of the training loss over its examples."""
        self.encoder.train()
        self.loss.train()
        total, count = 0.0, 0
        with rng.forked(self.seed, "epoch", self.epoch):
            for rows in self._batches(len(fold)):
                total += self._step(fold, rows) * len(rows)
                count += len(rows)
        return total / count

    def _batches(self, n: int) -> Iterator[Tensor]:
        order = torch.randperm(n, generator=rng.generator(self.seed, "order", self.epoch))[: self.options.examples]
        for rows in order.split(self.options.batch):
            if len(rows) > 1 or n == 1:  # a batch norm has no variance of one example
                yield rows

    def _step(self, fold: Fold, rows: Tensor) -> float:
        inputs, nu, side = self._batch(fold, rows)

        def closure() -> float:
            self.optimizer.zero_grad()
            value: Tensor = self.loss(self.encoder(inputs), nu, side).mean()
            if not value.isfinite():
                raise NonFiniteError(
                    f"The training loss is {value.item()} in epoch {self.epoch}. Lower optimizer.lr, or set train.clip=1; "
                    f"the sounds of this batch are rows {rows.tolist()[:8]}… of the training fold."
                )
            value.backward()
            if self.options.clip is not None:
                nn.utils.clip_grad_norm_(self.encoder.parameters(), self.options.clip)
            return float(value.detach())

        return float(self.optimizer.step(closure))

    def _batch(self, fold: Fold, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        device = next(self.encoder.parameters()).device
        return fold.columns["inputs"][rows].to(device), fold.nu[rows].to(device), fold.columns["side"][rows].to(device)

    @torch.no_grad()
    def validate(self, fold: Fold) -> float:
        """The mean of the loss in `eval()`, a metric, over a fold."""
        self.encoder.eval()
        self.loss.eval()
        total = 0.0
        for rows in torch.arange(len(fold)).split(self.options.batch):
            inputs, nu, side = self._batch(fold, rows)
            total += float(self.loss(self.encoder(inputs), nu, side).sum())
        if not math.isfinite(total):
            raise NonFiniteError(f"The validation loss is {total} in epoch {self.epoch}. Lower optimizer.lr.")
        return total / len(fold)

    def _validated(self, val: Fold, train_loss: float | None, seconds: float) -> None:
        val_loss = self.validate(val)
        monitor = {self.loss.monitor: float(getattr(self.loss, self.loss.monitor))} if self.loss.monitor else {}
        record: dict[str, Any] = {"epoch": self.epoch, "val_loss": val_loss, "lr": self.optimizer.param_groups[0]["lr"]}
        record |= {"monitor": monitor, "seconds": seconds} | ({} if train_loss is None else {"train_loss": train_loss})
        self.metrics.append(record)
        if val_loss < self.best or self.options.keep == "last":
            self.best, self.kept = min(self.best, val_loss), self._weights()
        if self.epoch:
            self.loss.adapt(val_loss)
            self.schedule.step(val_loss)
        progress.log.debug("epoch %d: validation loss %.4g", self.epoch, val_loss)

    def checkpoint(self) -> None:
        """Write everything that the next epoch depends on, then the metrics as text."""
        state = {
            "epoch": self.epoch, "best": self.best, "kept": self.kept, "metrics": self.metrics,
            "encoder": self.encoder.state_dict(), "loss": self._loss_state(), "optimizer": self.optimizer.state_dict(),
            "schedule": {key: self.schedule.state_dict()[key] for key in ("best", "num_bad_epochs", "last_epoch")},
        }  # fmt: skip
        checkpoint.save(self.path, state)
        write_text(self.folder / "metrics.jsonl", "".join(json.dumps(record) + "\n" for record in self.metrics))

    def _loss_state(self) -> dict[str, Tensor]:
        """The loss's own buffers; the problem it holds is rebuilt from the options."""
        return {name: value for name, value in self.loss.state_dict().items() if not name.startswith("problem.")}

    def restore(self) -> bool:
        """Go back to the checkpoint; False if there is none. Raises InvsoundError if it does not fit."""
        state = checkpoint.load(self.path)
        if state is None:
            return False
        try:
            self.encoder.load_state_dict(state["encoder"])
            self.loss.load_state_dict(state["loss"], strict=False)
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise InvsoundError(f"The checkpoint {str(self.path)!r} does not fit this run's encoder and loss: {error}") from error
        self.epoch, self.best, self.kept, self.metrics = state["epoch"], state["best"], state["kept"], state["metrics"]
        progress.log.info("Resuming after epoch %d of %d.", self.epoch, self.options.epochs)
        return True
