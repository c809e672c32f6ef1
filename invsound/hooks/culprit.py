"""Which part is to blame: what a part raises or returns is looked at where it is called."""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import EllipsisType
from typing import Any

import torch
from torch import Tensor

from ..errors import InvsoundError, out_of_memory, said
from .registry import named

OURS = (str(Path(__file__).parents[1]) + os.sep, str(Path(torch.__file__).parent) + os.sep, sysconfig.get_path("stdlib") + os.sep)


def ask(
    part: Any, function: Callable[..., Any], *inputs: Tensor, shape: Sequence[int | EllipsisType | None], precision: bool = True
) -> Tensor:
    """`function(*inputs)`, a method of the part: floats of this shape, on the device of the first input, and of its `precision`.

    In `shape` None is any length, and … at its end any further axes. Raises InvsoundError naming the part where it raises or returns
    anything else; memory that is short is not its fault.
    """
    given = answer(part, function, *inputs)
    if (got := _fault(given, inputs[0], shape, precision)) is not None:
        dtype = inputs[0].dtype if precision else "floats"
        raise InvsoundError(f"{named(part)} returned {got}, not {_expected(shape)} in {dtype} on {inputs[0].device}.")
    result: Tensor = given
    return result


def answer(part: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)`, a method of the part, whatever it is. Raises InvsoundError naming the part where it raises anything else."""
    try:
        return function(*arguments)
    except (InvsoundError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        if out_of_memory(error):
            raise
        raise InvsoundError(f"{named(part)} failed. {type(error).__name__}{origin(error)}: {said(error)}") from error


def origin(error: BaseException) -> str:
    """Where it was raised: the last line of a stranger's code on the way."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(OURS)]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _fault(given: Any, like: Tensor, shape: Sequence[int | EllipsisType | None], precision: bool) -> str | None:
    if not isinstance(given, Tensor):
        return "None" if given is None else f"{type(given).__module__}.{type(given).__qualname__}".removeprefix("builtins.")
    lengths = [n for n in shape if n is not ...]
    fits = given.ndim >= len(lengths) if ... in shape else given.ndim == len(lengths)
    fits = fits and all(n in (None, m) for n, m in zip(lengths, given.shape, strict=False))
    right = given.dtype == like.dtype if precision else given.is_floating_point()
    if fits and right and given.device == like.device:
        return None
    return f"{list(given.shape)} in {given.dtype} on {given.device}"


def _expected(shape: Sequence[int | EllipsisType | None]) -> str:
    return f"[{', '.join('any' if n is None else '…' if n is ... else str(n) for n in shape)}]"
