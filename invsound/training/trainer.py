"""Training: the only loop over epochs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..data.columns import Fold
from ..data.fresh import OfEpoch
from ..encoder import Encoder, guessed
from ..errors import InvsoundError, NonFiniteError
from ..hooks.culprit import answer
from ..loss import Loss, valued
from ..pages import learning
from ..runs.stages import Train
from ..system import heap, progress, rng
from ..system.files import write_text
from . import checkpoint, logs
from .phase import Phase
from .ranks import Alone
from .step import Step, batches

MakeOptimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
OnEpoch = Callable[[dict[str, Any]], None]


class Trainer:
    """The state of one training: encoder, loss, optimizer, the best encoder so far, and what each epoch said.

    Epoch e draws its order, and its dropout, from (seed, e) alone: a resumed training repeats an uninterrupted one. With a `pretrain`
    loss, `loss` takes over the encoder that was kept, and begins with a fresh optimizer: what the old one remembers of gradients
    belongs to another loss.
    """

    def __init__(
        self, encoder: Encoder, loss: Loss, make_optimizer: MakeOptimizer, options: Train, seed: int, folder: Path,
        pretrain: Loss | None = None, ranks: Alone | None = None,
    ) -> None:  # fmt: skip
        self.ranks, self.replica, self.path = ranks or Alone(), encoder, folder / checkpoint.PATH
        self.encoder, self.options, self.seed, self.folder, self.make_optimizer = encoder, options, seed, folder, make_optimizer
        self.phases = [Phase(pretrain, "pretrain", 0, options.pretraining)] if pretrain is not None else []
        self.phases.append(Phase(loss, "side", options.pretraining, options.epochs))
        self.epoch, self.steps, self.resumed, self.kept = 0, 0, -1, self._weights()
        self.metrics: list[dict[str, Any]] = []
        self.noted: dict[str, float | list[float]] = {}
        self._begin(self.phases[0])

    def _begin(self, phase: Phase) -> None:
        self.phase, self.loss, self.best = phase, phase.loss, math.inf
        self.optimizer = self.make_optimizer(list(self.encoder.parameters()))
        patience = self.options.plateau if self.options.plateau is not None else 10**9
        self.schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, factor=0.1, patience=patience)
        self.rates = [group["lr"] for group in self.optimizer.param_groups]

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.encoder.state_dict().items()}

    def fit(
        self, train: Fold, val: Fold, on_epoch: OnEpoch | None = None, log: logs.Log = logs.nobody, each: OfEpoch | None = None,
    ) -> Encoder:  # fmt: skip
        """Train to the last epoch from the checkpoint, if there is one, and return the encoder that is kept, in `eval()`.
        `on_epoch` gets the metrics of an epoch when its checkpoint is written, `log` those of all; `each` epoch has its sounds, or `train`.
        """
        for phase in self.phases:
            answer(phase.loss, phase.loss.calibrate, train.whole(phase.column))
        self.replica = self.ranks.replica(self.encoder)
        if self.restore():
            progress.log.info(checkpoint.RESUMING, self.epoch, self.options.epochs)
        else:
            self._validated(val, train_loss=None, seconds=0.0)
        with heap.kept(), log(self.metrics) as tell, progress.bar("Training", self.options.epochs, "epochs") as advance:
            advance(self.epoch)
            while self.epoch < self.options.epochs:
                start = time.perf_counter()
                self.epoch += 1
                self._anneal()
                train_loss = self.train_epoch(each(self.epoch) if each else train)
                self._validated(val, train_loss, time.perf_counter() - start)
                if self.phase is not self._phase_after(self.epoch):
                    self._hand_over(val)
                self.checkpoint()
                tell(self.metrics[-1])
                advance(1)
                if on_epoch:
                    on_epoch(dict(self.metrics[-1]))
        return self.finish()

    def finish(self) -> Encoder:
        if self.epoch and (said := learning.told(self.metrics, self.options.keep)):
            progress.log.warning(said)
        self.encoder.load_state_dict(self.kept)
        return self.encoder.eval()

    def _anneal(self) -> None:
        if self.options.cosine:
            for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                group["lr"] = rate * self.phase.cosine(self.epoch)

    def _phase_after(self, epoch: int) -> Phase:
        return next((phase for phase in self.phases if epoch < phase.until), self.phases[-1])

    def _hand_over(self, val: Fold) -> None:
        """The next loss goes on with the encoder that was kept."""
        self.encoder.load_state_dict(self.kept)
        self._begin(self._phase_after(self.epoch))
        self.best = self.validate(val)
        self.metrics[-1]["handed_over"] = self.best
        progress.log.info("Epoch %d: the next loss takes over, at a validation loss of %.4g.", self.epoch, self.best)

    def train_epoch(self, fold: Fold) -> float:
        """One pass; the mean of the training loss over its examples."""
        self.replica.train()
        self.loss.train()
        total, count, norms = 0.0, 0, []
        with rng.forked(self.seed, "epoch", self.epoch, *self.ranks.draws):
            for number, rows in enumerate(self._batches(len(fold))):
                step = self._step(fold, rows, number)
                total += self._descend(step, rows) * len(rows)
                count += len(rows)
                norms.append(float(step.norm))
        self.steps = len(norms)
        self.noted["gradient"] = sum(norms) / len(norms)
        return self.ranks.mean([total / count])[0]

    def _batches(self, n: int) -> list[Tensor]:
        order = torch.randperm(n, generator=rng.generator(self.seed, "order", self.epoch))[: self.options.examples]
        return batches(order, self.options.batch, self.ranks.least)

    def _step(self, fold: Fold, rows: Tensor, number: int) -> Step:
        labels, batch = rng.generator(self.seed, "labels", self.epoch, number, *self.ranks.draws), self._batch(fold, self.ranks.own(rows))
        share = len(batch[1]) * self.ranks.count / len(rows)
        return Step(self.replica, self.loss, batch, labels, self.options.clip, self.options.clip_by, share, self.ranks)

    def _descend(self, step: Step, rows: Tensor) -> float:
        try:
            return float(answer(self.optimizer, self.optimizer.step, step))
        except NonFiniteError as error:
            raise NonFiniteError(
                f"{str(error).rstrip('.')} in epoch {self.epoch}. Lower optimizer.lr, or set train.clip=1; "
                f"the sounds of this batch are rows {rows.tolist()[:8]}… of the training fold."
            ) from error
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            if self.epoch != self.resumed + 1 or isinstance(error, torch.OutOfMemoryError):
                raise
            raise checkpoint.damaged(self.path, f"the first step after it ends in {type(error).__name__}: {error}") from error

    def _batch(self, fold: Fold, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        device = next(self.encoder.parameters()).device
        return fold.columns["inputs"][rows].to(device), fold.nu[rows].to(device), fold.columns[self.phase.column][rows].to(device)

    @torch.no_grad()
    def validate(self, fold: Fold) -> float:
        """The mean of the loss in `eval()`, a metric, over a fold."""
        self.encoder.eval()
        self.loss.eval()
        total, along, every = 0.0, [], torch.arange(len(fold))
        own = self.ranks.own(every) if len(fold) >= self.ranks.count else every
        for rows in own.split(self.options.batch):
            inputs, nu, side = self._batch(fold, rows)
            nu_hat = guessed(self.encoder, inputs)
            total += float(valued(self.loss, nu_hat, nu, side).sum())
            along.append(self.loss.directions(nu_hat, nu, side))
        if not math.isfinite(total):
            raise NonFiniteError(f"The validation loss is {total} in epoch {self.epoch}. Lower optimizer.lr.")
        mean, *self.noted["directions"] = self.ranks.mean([total / len(own), *torch.cat(along).mean(0).tolist()], len(own))
        return mean

    def _validated(self, val: Fold, train_loss: float | None, seconds: float) -> None:
        val_loss = self.validate(val)
        monitor = {name: value for name, value in self.noted.items() if value != []}
        monitor |= {self.loss.monitor: float(getattr(self.loss, self.loss.monitor))} if self.loss.monitor else {}
        record: dict[str, Any] = {"epoch": self.epoch, "val_loss": val_loss, "lr": self.optimizer.param_groups[0]["lr"]}
        record |= {"monitor": monitor, "seconds": seconds} | ({} if train_loss is None else {"train_loss": train_loss, "steps": self.steps})
        record |= {"phase": "pretraining"} if self.phase is not self.phases[-1] else {}
        self.metrics.append(record)
        if val_loss < self.best or self.options.keep == "last":
            self.best, self.kept = min(self.best, val_loss), self._weights()
        if self.epoch:
            answer(self.loss, self.loss.adapt, val_loss)
            self.schedule.step(val_loss)
        progress.log.debug("epoch %d: validation loss %.4g", self.epoch, val_loss)

    def checkpoint(self) -> None:
        """Write everything that the next epoch depends on, then the metrics as text."""
        if self.ranks.rank:
            return
        state = {
            "epoch": self.epoch, "best": self.best, "kept": self.kept, "metrics": self.metrics,
            "encoder": self.encoder.state_dict(), "loss": checkpoint.own_state(self.loss), "optimizer": self.optimizer.state_dict(),
            "schedule": {key: self.schedule.state_dict()[key] for key in checkpoint.SCHEDULE},
        }  # fmt: skip
        checkpoint.save(self.path, state)
        self._write_metrics()

    def _write_metrics(self) -> None:
        if self.ranks.rank == 0:
            write_text(self.folder / "metrics.jsonl", "".join(json.dumps(record) + "\n" for record in self.metrics))

    def restore(self) -> bool:
        """Go back to the checkpoint; False if there is none. Raises InvsoundError if it does not fit."""
        state = checkpoint.within(self.path, self.options.epochs)
        if state is None:
            return False
        self._begin(self._phase_after(state["epoch"]))
        try:
            checkpoint.take_over(state, self.encoder, self.loss, self.optimizer, self.schedule)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise InvsoundError(f"The checkpoint {str(self.path)!r} does not fit this run's encoder and loss: {error}") from error
        self.epoch, self.best, self.kept, self.metrics = state["epoch"], state["best"], state["kept"], state["metrics"]
        self.resumed = self.epoch
        self._write_metrics()
        return True
