"""A function of a stranger's code, called in a process of its own; and classes found there by where they are written."""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
from collections.abc import Callable
from functools import reduce
from multiprocessing.connection import Connection
from typing import Any

from ..errors import InvsoundError, UsageError, reason
from . import nursery
from .pool import Failed, Pool


def address(thing: Any) -> list[str]:
    """Module, name and, of what is in a script, its file. Raises InvsoundError for what no other process can import."""
    module, name, file = thing.__module__, thing.__qualname__, ""
    if module in ("__main__", "__mp_main__"):
        file = os.path.abspath(getattr(sys.modules["__main__"], "__file__", None) or "")
    if "<locals>" in name or (file and not os.path.isfile(file)):
        where = "inside a function" if "<locals>" in name else "in an interactive session"
        raise InvsoundError(
            f"{name} is written {where}, where no other process finds it. Write it into a module, and import it from there."
        )
    return [module, name, file]


def found(where: list[str]) -> Any:
    """What is at an address; a script is run for it, as __mp_main__, and needs a main guard around what it does."""
    module, name, file = where
    if file and getattr(sys.modules["__main__"], "__file__", None) != file:
        main = type(sys)("__mp_main__")
        sys.modules["__mp_main__"] = sys.modules["__main__"] = main
        main.__dict__.update(runpy.run_path(file, run_name="__mp_main__"))
    source = sys.modules["__main__"] if file else importlib.import_module(module)
    return reduce(getattr, name.split("."), source)


def call(function: Callable[..., Any], *arguments: Any, limit: float = 60.0) -> Any:
    """`function(*arguments)` of a module, in a process of its own, which it may crash or block; what goes in and out is JSON-ready.

    Raises InvsoundError where it ends the process (twice) or takes longer than `limit` seconds, UsageError where it raises a ValueError.
    """
    if nursery.inside:
        return function(*arguments)
    answers: list[Any] = []
    pool = Pool(1, 2**26, lambda how: None, f"{__name__}:work", address(function))
    try:
        pool.map([json.dumps(arguments).encode()], limit, lambda index, answer: answers.append(json.loads(answer)))
    except Failed as failed:
        why = failed.why if failed.why != "did not end" else f"took longer than {limit:g} s"
        raise InvsoundError(f"{function.__name__} {why}.") from None
    finally:
        pool.close()
    ((kind, value),) = answers
    if kind != "value":
        raise (UsageError if kind == "usage" else InvsoundError)(str(value))
    return value


def work(connection: Connection, where: list[str]) -> None:
    """What the process does."""
    function = found(where)
    connection.send_bytes(b"ready")
    arguments = json.loads(connection.recv_bytes())
    try:
        answer = ["value", function(*arguments)]
    except (UsageError, ValueError) as error:
        answer = ["usage", str(error)]
    except BaseException as error:
        answer = ["error", reason(error)]
    connection.send_bytes(json.dumps(answer).encode())
