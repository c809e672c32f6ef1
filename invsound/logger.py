"""A logger: where the numbers of a training go besides metrics.jsonl."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar


class Logger(ABC):
    """A logger, built as `Logger(folder, options)` with an instance of its `Options` dataclass.

    `folder` is its own, in that of the run; what it writes on disk it writes there, from `begin` on, when the folder is there and empty. A
    run that is resumed begins a logger anew and tells it of every epoch so far, from epoch 0: nothing is doubled, nothing missing.
    What it raises ends the run, with its name; the epoch's checkpoint is written by then, and the run can be resumed.
    """

    Options: ClassVar[type]

    def __init__(self, folder: Path, options: Any) -> None:
        self.folder, self.options = folder, options

    def begin(self, config: Mapping[str, Any]) -> None:  # noqa: B027
        """Called once before the first epoch, with the options of the run as config.yaml has them."""

    @abstractmethod
    def log(self, epoch: int, values: Mapping[str, float]) -> None:
        """Called once for each epoch, in order; 0 is before training. Names may differ from one epoch to the next: `val_loss`, `lr`,
        `train_loss`, `seconds`, and what the loss and the trainer note, such as `gradient`, `damping`, `directions/1`."""

    def close(self) -> None:  # noqa: B027
        """Called once at the end, whatever ended the training, `log` or not: files are closed, threads ended."""
