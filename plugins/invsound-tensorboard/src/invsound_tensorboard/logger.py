"""Event files for TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from invsound import Logger


@dataclass
class TensorBoardOptions:
    """Curves for TensorBoard.

    config: whether the options of the run are written too, as a text
    """

    config: bool = True


class TensorBoard(Logger):
    """Each value of an epoch is a scalar of its name, at the step of that epoch; the options of the run are the text `config`."""

    Options = TensorBoardOptions
    writer: SummaryWriter | None = None

    def begin(self, config: Mapping[str, Any]) -> None:
        self.writer = SummaryWriter(str(self.folder))
        if self.options.config:
            indented = json.dumps(config, indent=2, ensure_ascii=False).replace("\n", "\n    ")
            self.writer.add_text("config", f"    {indented}", 0)

    def log(self, epoch: int, values: Mapping[str, float]) -> None:
        assert self.writer is not None
        for name, value in values.items():
            self.writer.add_scalar(name, value, epoch)
        self.writer.flush()  # its thread raises here what it could not write

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
