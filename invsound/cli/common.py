"""What the commands share: how they end, speak, and read `key=value`."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, ClassVar, NoReturn, Optional

import typer
import typer.core

from ..errors import InvsoundError, UsageError, out_of_memory, printable, remedy, said
from ..hooks.installed import spare_torch
from . import signals
from .output import results_alone

Executing = Annotated[
    str, typer.Option(help="Who computes: local, processes of this machine, or an executor that is installed; its options are executor.….")
]
ASKED = "asked for, unless only one is installed"
Synthesizer = Annotated[Optional[str], typer.Option(help="Synthesizer g.", show_default=ASKED)]  # noqa: UP045  Typer reads it on 3.10 too
Representation = Annotated[Optional[str], typer.Option(help="Perceptual representation Φ.", show_default=ASKED)]  # noqa: UP045
GROUPS = (
    "synth", "feature", "loss", "optimizer", "encoder", "solver", "parts", "space", "problem", "data", "train", "evaluate", "match", "seed",
    "executor",
)  # fmt: skip
"""How the name of an option may begin."""
OVERRIDE = re.compile(r"[A-Za-z_][\w.-]*=")


def guarded(command: Callable[..., Any]) -> Callable[..., None]:
    """The command, with whatever it raises turned into a line on stderr and an exit code; never a traceback for a user's mistake."""

    @functools.wraps(command)
    def guarded_command(*arguments: Any, **options: Any) -> None:
        with refused(), results_alone():
            _interruptible(command, *arguments, **options)

    return guarded_command


def explained(command: Callable[..., Any]) -> Callable[..., None]:
    """`guarded`, of a stranger's command: what it prints on stdout is its result."""

    @functools.wraps(command)
    def explained_command(*arguments: Any, **options: Any) -> None:
        with refused():
            _interruptible(command, *arguments, **options)

    return explained_command


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """What is raised inside the block ends the command: a line on stderr, and an exit code."""
    try:
        spare_torch()
        yield
    except KeyboardInterrupt:
        end(signals.told(), signals.code())
    except InvsoundError as error:
        end(str(error), error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(1) from None
    except (MemoryError, RuntimeError, ImportError, OSError) as error:
        if out_of_memory(error):
            end(f"Out of memory. {said(error)} Use fewer --jobs, a smaller train.batch, or a synth with fewer samples.", 1)
        if not isinstance(error, OSError):
            raise
        file = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, (str, bytes)) else ""
        end(f"{error.strerror or error}{file}. {remedy(error)}".rstrip(), 1)


def _interruptible(command: Callable[..., Any], /, *arguments: Any, **options: Any) -> None:
    try:
        command(*arguments, **options)
    except Exception:
        if signals.came():
            raise KeyboardInterrupt from None
        raise


def end(message: str, code: int) -> NoReturn:
    """Say why on stderr, and exit."""
    with contextlib.suppress(OSError):  # a terminal that was closed
        print(f"invsound: {printable(message)}", file=sys.stderr, flush=True)
    raise typer.Exit(code) from None


def listen(quiet: bool = False) -> None:
    """Show the library's log on stderr."""
    log = logging.getLogger("invsound")
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    for old in [handler for handler in log.handlers if handler.name == "command line"]:
        log.removeHandler(old)
    handler = logging.StreamHandler(sys.stderr)
    handler.name = "command line"
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)


def sort_arguments(arguments: Iterable[str], files: str | None = None) -> tuple[list[str], list[str]]:
    """Arguments into key=value overrides and files; `files` names the option that takes several, or None if none does.

    Where there may be files, one that is there is a file, unless its name begins with that of a group of options; so is all after `--`.
    """
    arguments = list(arguments)
    free = len(arguments) - len(Command.literal)
    named = [
        bool(OVERRIDE.match(argument)) and (files is None or (k < free and not _is_file(argument))) for k, argument in enumerate(arguments)
    ]
    overrides = [argument for argument, is_option in zip(arguments, named, strict=True) if is_option]
    others = [argument for argument, is_option in zip(arguments, named, strict=True) if not is_option]
    if others and files is None:
        raise UsageError(f"Cannot read {others[0]!r}: an option is key=value, for example train.epochs=20.")
    return overrides, others


def _is_file(argument: str) -> bool:
    return re.split(r"[.=]", argument)[0] not in GROUPS and os.path.isfile(argument)


class Command(typer.core.TyperCommand):
    """A command that knows which of its arguments came after `--`, and whose help says which synths and features there are."""

    literal: ClassVar[list[str]] = []

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        Command.literal = args[args.index("--") + 1 :] if "--" in args else []
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        super().format_options(ctx, formatter)
        from ..hooks import registry

        for kind, title in {"synth": "Synthesizers", "feature": "Representations"}.items():
            offers = registry.offers(kind) if any(param.name == kind for param in self.params) else []
            if offers:
                with formatter.section(title):
                    formatter.write_dl([(o.label if registry.rivals(o) else o.part.name, o.part.summary) for o in offers])


def seed_override(seed: int | None) -> list[str]:
    """--seed as an override."""
    return [] if seed is None else [f"seed={seed}"]
