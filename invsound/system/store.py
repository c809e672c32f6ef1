"""Tensors on disk: written atomically as safetensors, checked when read. No pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
import torch
from torch import Tensor

from ..errors import InvsoundError
from .files import atomic, check_folder


def digest(recipe: Any, nu: Tensor) -> str:
    """The content address of what `recipe` (JSON-ready) makes of ν: sha256, hexadecimal."""
    text = json.dumps(recipe, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode() + b"\0" + str(tuple(nu.shape)).encode() + _bytes(nu)).hexdigest()


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _checksum(tensors: dict[str, Tensor], text: str, address: str) -> str:
    names = sorted(tensors)
    head = [address, text, [[name, str(tensors[name].dtype), list(tensors[name].shape)] for name in names]]
    return hashlib.sha256(b"\0".join([json.dumps(head).encode(), *(_bytes(tensors[name]) for name in names)])).hexdigest()


def _first_checksum(tensors: dict[str, Tensor], text: str) -> str:
    """That of invsound 0.1.0, of bytes alone: run folders that were written with it are still read."""
    parts = [text.encode(), *(name.encode() + _bytes(tensors[name]) for name in sorted(tensors))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def save_tensors(path: Path, tensors: dict[str, Tensor], text: str = "", address: str = "") -> None:
    """Write named tensors and a text, with a checksum of both, and of the `address` that they are to be found at.

    Raises InvsoundError if the disk refuses.
    """
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # safetensors writes several entries of metadata in any order: with one, equal tensors are equal files
    metadata = {"checksum": _checksum(tensors, text, address)} | ({"text": text} if text else {})
    content = save(tensors, metadata)
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def load_tensors(path: Path, address: str = "") -> tuple[dict[str, Tensor], str] | None:
    """The named tensors and the text of a file; None if it is missing, truncated, altered, or was written for another address."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():  # to open a pipe would be to wait for it
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError):
        return None
    text = metadata.get("text", "")
    whole = metadata.get("checksum") == _checksum(tensors, text, address)
    if not address and "checksum" not in metadata:
        whole = metadata.get("sha256") == _first_checksum(tensors, text)
    return (tensors, text) if whole else None


class Store:
    """Content-addressed columns: `address` names what made them, so that runs share them and nothing is ever stale."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()

    def path(self, address: str) -> Path:
        return self.root / address[:2] / f"{address}.safetensors"

    def get(self, address: str) -> Tensor | None:
        """The column at an address; None if it is absent, damaged or another's, which is the same thing: it is computed again."""
        loaded = load_tensors(self.path(address), address)
        return loaded[0].get("column") if loaded else None

    def put(self, address: str, column: Tensor) -> None:
        with _advised():
            save_tensors(self.path(address), {"column": column}, address=address)

    def check(self) -> None:
        """Raise UsageError, before the work, if there can be no column here."""
        with _advised():
            check_folder(self.root)


@contextmanager
def _advised() -> Iterator[None]:
    """What is wrong with the folder of prepared columns, and how to have another."""
    try:
        yield
    except InvsoundError as error:
        raise type(error)(f"{error} It holds prepared columns: INVSOUND_CACHE names another folder for them.") from error


def default_root() -> Path:
    """Where prepared columns live: `$INVSOUND_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("INVSOUND_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("invsound"))
