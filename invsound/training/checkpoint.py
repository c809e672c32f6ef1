"""Checkpoints: nested states of modules and optimizers as one checked safetensors file. No pickle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..errors import InvsoundError
from ..pages import record
from ..runs import folder as folders
from ..runs.parts import Parts
from ..system.reading import Shape, anything, count, fault, real
from ..system.tensors import load_tensors, save_tensors


def save(path: Path, state: dict[str, Any]) -> None:
    """Write nested dicts and lists of tensors and plain values, atomically."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_detach(state, tensors))
    save_tensors(path, tensors, text)


def load(path: Path, shape: Shape = anything) -> dict[str, Any] | None:
    """The state; None if the file is missing. Raises InvsoundError if it is truncated or altered, or of another shape."""
    if not os.path.lexists(path):
        return None
    loaded = load_tensors(path)
    if loaded is None:
        raise damaged(path)
    tensors, text = loaded
    try:
        state = _attach(json.loads(text), tensors)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(path) from error
    if wrong := fault(state, shape, "its state"):
        raise damaged(path, wrong)
    return dict(state)


def damaged(path: Path, what: str = "") -> InvsoundError:
    """The error that says so."""
    told = f" ({what})" if what else ""
    return InvsoundError(
        f"The checkpoint {str(path)!r} is damaged{told}. Delete it and resume: training then starts over, prepared columns are kept."
    )


def _tensor(value: Any) -> bool:
    """a tensor"""
    return isinstance(value, Tensor)


SCHEDULE = {"best": real, "num_bad_epochs": count, "last_epoch": count}
STATE = {
    "epoch": count, "best": real, "kept": {...: _tensor}, "metrics": [record.EPOCH], "encoder": {...: _tensor}, "loss": {...: _tensor},
    "optimizer": {"state": {...: anything}, "param_groups": [{"lr": real, "params": [count], ...: anything}]},
    "schedule": SCHEDULE,
}  # fmt: skip
"""The shape of what the trainer saves."""


PATH = Path("checkpoint", "state.safetensors")
"""In the folder of a run."""
RESUMING = "Resuming after epoch %d of %d."


def within(path: Path, epochs: int) -> dict[str, Any] | None:
    """The state of a training; None if there is none. Raises InvsoundError if it is of more epochs."""
    state = load(path, STATE)
    if state is not None and state["epoch"] > epochs:
        raise InvsoundError(
            f"The checkpoint {str(path)!r} is of epoch {state['epoch']}, but config.yaml has train.epochs={epochs}. "
            "Set it back, or delete the checkpoint and train anew."
        )
    return state


def epochs(folder: Path) -> int:
    """How many epochs a run has trained. Raises InvsoundError if its checkpoint is damaged."""
    state = load(folder / PATH, STATE)
    return 0 if state is None else int(state["epoch"])


def finished(parts: Parts, path: Path) -> bool:
    """Whether training is at its end, and every file there and whole. Raises InvsoundError for a damaged checkpoint."""
    last, targets = parts.config.train.epochs, set(parts.config.evaluate.targets)
    if epochs(path) != last or not record.is_whole(path, trained=last > 0):
        return False
    try:
        folders.load_encoder(path, parts.encoder())
    except InvsoundError:
        return False
    return targets <= {target["file"] for target in record.scores(path)["targets"]}


def own_state(loss: nn.Module) -> dict[str, Tensor]:
    """The loss's own buffers; the problem it holds is rebuilt from the options."""
    return {name: value for name, value in loss.state_dict().items() if not name.startswith("problem.")}


def take_over(state: dict[str, Any], encoder: nn.Module, loss: nn.Module, optimizer: Any, schedule: Any) -> None:
    """Each part of a state into what it is the state of. Raises whatever torch raises where it does not fit."""
    encoder.load_state_dict(state["kept"])
    encoder.load_state_dict(state["encoder"])
    if state["loss"].keys() != own_state(loss).keys():
        raise KeyError(f"the loss has {', '.join(own_state(loss)) or 'no state'}, the checkpoint {', '.join(state['loss']) or 'none'}")
    loss.load_state_dict(state["loss"], strict=False)
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])


def _detach(value: Any, tensors: dict[str, Tensor]) -> Any:
    """JSON with every tensor replaced by its number; dict keys are kept as pairs, for optimizers number their parameters."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _detach(item, tensors)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_detach(item, tensors) for item in value]
    return value


def _attach(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_attach(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    return {key: _attach(item, tensors) for key, item in value["dict"]}
