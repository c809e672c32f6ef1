"""Checkpoints: nested states of modules and optimizers as one checked safetensors file. No pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InvsoundError
from ..system.store import load_tensors, save_tensors


def save(path: Path, state: dict[str, Any]) -> None:
    """Write nested dicts and lists of tensors and plain values, atomically."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_detach(state, tensors))
    save_tensors(path, tensors, text)


def load(path: Path) -> dict[str, Any] | None:
    """The state; None if the file is missing. Raises InvsoundError if it is truncated or altered."""
    if not path.exists():
        return None
    loaded = load_tensors(path)
    if loaded is None:
        raise InvsoundError(
            f"The checkpoint {str(path)!r} is damaged. Delete it and resume: training then starts over, prepared columns are kept."
        )
    tensors, text = loaded
    state: dict[str, Any] = _attach(json.loads(text), tensors)
    return state


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
