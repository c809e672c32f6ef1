"""What a class computes with, read from what is in memory: an edit changes it, whether or not there is a file."""

from __future__ import annotations

import dis
import functools
import hashlib
import io
import os
import pickle
from collections.abc import Iterator
from types import CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

MAIN = "__main__"
SKIPPED = {
    "__dict__", "__weakref__", "__module__", "__doc__", "__abstractmethods__", "_abc_impl", "__firstlineno__", "__static_attributes__",
    "__dataclass_fields__", "__dataclass_params__", "__annotations_cache__",
}  # fmt: skip
WRAPPERS: list[tuple[Any, tuple[str, ...]]] = [
    (property, ("fget", "fset", "fdel")), ((classmethod, staticmethod), ("__func__",)), (functools.cached_property, ("func",)),
]  # fmt: skip
_process = os.urandom(8)


def home(thing: Any) -> str:
    """The module of a class or a function; a worker's copy of the script that started it is that script."""
    return str(getattr(thing, "__module__", None) or "builtins").replace("__mp_main__", MAIN)


def digest(cls: type) -> tuple[str, frozenset[str]]:
    """8 hexadecimal digits of what a class computes with, and the other top-level modules that it names.

    Of its own module: its code, that of its bases, and every function, class and value that these use. Other modules are told by name
    alone: their files have digests of their own. A class that uses what cannot be read is known in this process only.
    """
    reader = _Reader(home(cls).partition(".")[0])
    try:
        reader.dump(cls)
        read = reader.written.getvalue()
    except Exception:
        read = _process + str(id(cls)).encode()
    return hashlib.sha256(read).hexdigest()[:8], frozenset(reader.modules)


class _Reader(pickle.Pickler):
    """Writes bytes to be hashed, and never to be read back."""

    def __init__(self, root: str) -> None:
        self.written, self.root, self.modules = io.BytesIO(), root, set[str]()
        super().__init__(self.written, protocol=5)

    def persistent_id(self, thing: Any) -> Any:
        """Sets are told in an order of their own, for theirs is another in every process."""
        return sorted(map(repr, thing)) if type(thing) in (set, frozenset) else None

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, ModuleType):
            return str, (self._other(thing.__name__),)
        if isinstance(thing, (FunctionType, type)) and home(thing) != "builtins":
            label = f"{home(thing)}:{thing.__qualname__}"
            if home(thing).partition(".")[0] != self.root:
                return str, (self._other(label),)
            return str, (label,), _of_class(thing) if isinstance(thing, type) else _of_function(thing)
        for kinds, names in WRAPPERS:
            if isinstance(thing, kinds):
                return str, (type(thing).__name__,), tuple(getattr(thing, name) for name in names)
        if isinstance(thing, (MemberDescriptorType, GetSetDescriptorType)):
            return str, (thing.__name__,)
        return _of_tensor(thing) if hasattr(thing, "detach") and hasattr(thing, "dtype") else NotImplemented

    def _other(self, label: str) -> str:
        self.modules.add(label.partition(":")[0].partition(".")[0])
        return label


def _of_class(cls: type) -> Any:
    return cls.__bases__, {name: value for name, value in vars(cls).items() if name not in SKIPPED}


def _of_function(function: FunctionType) -> Any:
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # it is not filled yet
            cells.append(None)
    known, names = function.__globals__, dict.fromkeys(_globals(function.__code__))
    return _text(function.__code__), function.__defaults__, function.__kwdefaults__, cells, {n: known[n] for n in names if n in known}


def _of_tensor(x: Any) -> Any:
    """Not torch's own pickle, which holds addresses."""
    import torch

    values = x.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return str, (f"{x.dtype} {tuple(x.shape)}",), values


def _globals(code: CodeType) -> Iterator[str]:
    """The global names that a function, or one inside it, reads."""
    yield from (i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals(inner)


def _text(code: CodeType) -> str:
    """A function's code, without where it stands."""
    constants = [_text(c) if isinstance(c, CodeType) else sorted(map(repr, c)) if isinstance(c, frozenset) else c for c in code.co_consts]
    table = getattr(code, "co_exceptiontable", b"")
    return repr((code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, constants, table))
