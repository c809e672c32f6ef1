"""Tensors on disk: written atomically as safetensors, checked when read. No pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from torch import Tensor

from .files import atomic


def as_bytes(tensor: Tensor) -> bytes:
    """The elements, as they lie in memory, row after row."""
    return bytes(_elements(tensor))


def _elements(tensor: Tensor) -> memoryview:
    """`as_bytes` without a copy."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data


def checksum(tensors: dict[str, Tensor], text: str, address: str) -> str:
    """Of names, types, shapes and elements, of the text, and of the address at which they are to be found: sha256, hexadecimal."""
    names = sorted(tensors)
    head = [address, text, [[name, str(tensors[name].dtype), list(tensors[name].shape)] for name in names]]
    digest = hashlib.sha256(json.dumps(head).encode())
    for name in names:
        digest.update(b"\0")
        digest.update(_elements(tensors[name]))
    return digest.hexdigest()


def _first_checksum(tensors: dict[str, Tensor], text: str) -> str:
    """That of invsound 0.1.0, of bytes alone: run folders that were written with it are still read."""
    parts = [text.encode(), *(name.encode() + as_bytes(tensors[name]) for name in sorted(tensors))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def save_tensors(path: Path, tensors: dict[str, Tensor], text: str = "", address: str = "", durable: bool = True) -> None:
    """Write named tensors and a text, with a checksum of both, and of the `address` that they are to be found at; `durable` as in `atomic`.

    Raises InvsoundError if the disk refuses.
    """
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # safetensors writes several entries of metadata in any order: with one, equal tensors are equal files
    metadata = {"checksum": checksum(tensors, text, address)} | ({"text": text} if text else {})
    content = save(tensors, metadata)
    with atomic(path, durable) as temporary:
        temporary.write_bytes(content)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], str] | None:
    """The named tensors and the text of a file; None if it is missing, truncated, altered, or was written for an address."""
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
    whole = metadata.get("checksum") == checksum(tensors, text, "")
    if "checksum" not in metadata:
        whole = metadata.get("sha256") == _first_checksum(tensors, text)
    return (tensors, text) if whole else None
