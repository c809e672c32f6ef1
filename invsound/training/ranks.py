"""The processes that learn together: one, or several on devices of their own, each with its rows of every batch."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import warnings
from typing import Any, cast

import torch
from torch import Tensor

from ..encoder import Encoder
from ..errors import UsageError
from ..runs.stages import Train
from .normalization import over_ranks


class Alone:
    """One process: what several would share is its own."""

    count, rank = 1, 0
    least = 2
    """Examples of a step: a batch norm has no variance of one."""

    @property
    def draws(self) -> list[int]:
        """What random numbers depend on besides: nothing for the first, or for one alone."""
        return [self.rank] if self.rank else []

    def replica(self, encoder: Encoder) -> Encoder:
        """What is called for gradients, the same weights."""
        return encoder

    def backward(self, value: Tensor) -> None:
        """Leave its gradient in the weights."""
        value.backward()

    def own(self, rows: Tensor) -> Tensor:
        """Those rows of a batch that are learned from here."""
        return rows[self.rank :: self.count] if self.count > 1 else rows

    def mean(self, values: list[float], weight: float = 1.0) -> list[float]:
        """The mean over ranks, the same for all."""
        return values

    def wait(self) -> None:
        """Until all ranks are here."""


class Fabric(Alone):
    """As lightning-fabric does it: the gradient is the mean over ranks, and products are of a precision."""

    def __init__(self, options: Train, accelerator: str) -> None:
        """With more than one device, in one of the processes that `fit` starts."""
        lightning: Any = importlib.import_module("lightning_fabric")
        for name in ("lightning.fabric", "lightning_fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)  # it greets on stderr
        own = lightning.plugins.environments.LightningEnvironment()  # not that of a batch system whose job this is
        strategy = {"strategy": options.strategy, "plugins": [own]} if options.devices > 1 else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice for scripts
            self.fabric = lightning.Fabric(accelerator=accelerator, devices=options.devices, precision=options.precision, **strategy)
            self.fabric.launch()
        self.count, self.rank, self.batch_norm = self.fabric.world_size, self.fabric.global_rank, options.batch_norm
        self.least = least(options)

    @property
    def device(self) -> str:
        return str(self.fabric.device)

    def replica(self, encoder: Encoder) -> Encoder:
        if self.count > 1 and self.batch_norm == "global":
            over_ranks(encoder)
        return cast("Encoder", self.fabric.setup_module(encoder))

    def backward(self, value: Tensor) -> None:
        self.fabric.backward(value)

    def mean(self, values: list[float], weight: float = 1.0) -> list[float]:
        if self.count == 1:
            return values
        sums = self.fabric.all_reduce(torch.tensor([*values, 1.0], dtype=torch.float64, device=self.device) * weight, reduce_op="sum")
        return cast("list[float]", (sums[:-1] / sums[-1]).tolist())

    def wait(self) -> None:
        self.fabric.barrier()


def needed(options: Train) -> bool:
    """Whether training is more than one process in single precision."""
    return options.devices > 1 or options.precision != "32-true"


def check(options: Train, device: str) -> None:
    """Raise UsageError for more devices than there are, or without lightning-fabric."""
    if not needed(options):
        return
    if importlib.util.find_spec("lightning_fabric") is None:
        raise UsageError("train.devices and train.precision need lightning-fabric: pip install 'invsound[devices]'.")
    kind = device.partition(":")[0]
    found = {"cpu": options.devices, "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0}.get(kind, 1)
    if options.devices > found:
        raise UsageError(f"train.devices={options.devices}, but {kind} has {found} here. Give train.devices={found}, or --device cpu.")
    if options.batch < least(options):
        raise UsageError(
            f"train.batch={options.batch} is too few for {options.devices} devices: it is what all of them learn from in a step. "
            f"Give train.batch={least(options)} or more."
        )


def least(options: Train) -> int:
    """Examples of a step: one for each device, or two where each has a batch norm of its own."""
    return max(2, options.devices * (2 if options.batch_norm == "local" else 1))
