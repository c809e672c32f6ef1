"""Faust's compiler: from a program to its interface, and to what computes it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from invsound import UsageError

from . import program

LIBRARIES = "Libraries are looked for beside the program, and among those that come with Faust."

NO_WHEEL = (
    "It comes as cyfaust, which has wheels for Linux on x86-64 and for macOS on Apple silicon; elsewhere python -m pip install cyfaust "
    "has to build it, and needs a C++ compiler and CMake."
)


@functools.lru_cache(maxsize=4)  # a factory is never collected while it is used: its instances crash without it
def compiled(path: str, digest: str) -> Any:
    """The factory of a program. Raises UsageError with what the compiler says."""
    try:
        import cyfaust
    except ImportError as error:
        raise UsageError(f"Faust's compiler is not there ({error}). {NO_WHEEL}") from None
    file = Path(path)
    told: list[str] = []
    with _listening(told):
        factory = cyfaust.create_dsp_factory_from_string(file.stem, program.text(file), "-I", str(file.parent), "-ftz", "2")
    if factory is None:
        said = " ".join(" ".join(told).split()) or "the compiler does not say why"
        said = said.replace(f"{file.stem} : ", f"{file.name}: ").replace(f"{file.stem}:", f"{file.name}:", 1)
        raise UsageError(f"{str(file)!r} is no program that Faust compiles. {said}.{f' {LIBRARIES}' * ('unable to open' in said)}")
    return factory


@contextlib.contextmanager
def _listening(told: list[str]) -> Iterator[None]:
    """What the compiler prints, from within C++, is put into the list."""
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as stack:
        for stream in (1, 2):
            kept = os.dup(stream)
            stack.callback(lambda kept=kept, stream=stream: (os.dup2(kept, stream), os.close(kept)))
            os.dup2(file.fileno(), stream)
        yield
        file.seek(0)
        told.append(file.read().decode("utf-8", "replace"))


def interface(path: str, digest: str) -> dict[str, Any]:
    """The interface of a program as Faust describes it: inputs, outputs, ui. Raises UsageError as `compiled` does."""
    described = json.loads(compiled(path, digest).get_json())
    return {key: described[key] for key in ("inputs", "outputs", "ui")}
