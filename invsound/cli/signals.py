"""Ctrl-C, SIGTERM (batch systems) and SIGHUP (a terminal that closes) end a command alike: at its next step, in a line, resumable."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import threading
import time
from contextlib import contextmanager

TYPE_CHECKING = False  # see invsound/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import NoReturn

WORDS = {"SIGINT": "Interrupted", "SIGTERM": "Terminated (SIGTERM)", "SIGHUP": "The terminal was closed (SIGHUP)"}
GRACE, AGAIN = 10.0, 1.0
"""Seconds that a command has to leave its things in order; and from a second signal on."""
advice = ""
"""What to do after this command was ended: a sentence, or nothing."""
_came: list[int] = []
_said: list[int] = []


@contextmanager
def heard() -> Iterator[None]:
    """Inside the block, the first signal is a KeyboardInterrupt where the command is; if that does not end it soon, the process is ended.

    A signal that is ignored already, as nohup has it, stays so. The process is to end with the block: with 128 + n after signal n.
    """
    reader, writer = _pipe()
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    numbers = [number for name in WORDS if (number := getattr(signal, name, None)) and signal.getsignal(number) != signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, _interrupt)
    threading.Thread(target=_watch, args=(reader, numbers), daemon=True).start()
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN if _came else signal.SIG_DFL)
        if _came:
            _say()
            sys.exit(code())


def _pipe() -> tuple[int, int]:
    """Beyond the standard streams: where one of those is closed, its number is not taken."""
    ends = os.pipe()
    reader, writer = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3) for end in ends)
    for end in ends:
        os.close(end)
    os.set_blocking(writer, False)
    return reader, writer


def _interrupt(number: int, frame: FrameType | None) -> None:
    _came.append(number)
    if _importing(frame):  # a module may turn a KeyboardInterrupt into anything
        leave()
    if len(_came) == 1:
        raise KeyboardInterrupt


def _importing(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _watch(reader: int, numbers: list[int]) -> None:
    """A thread, as the main one may be in an operation of torch that takes long, and hears nothing before it ends."""
    while (first := os.read(reader, 1)[0]) not in numbers:
        pass
    if select.select([reader], [], [], GRACE)[0]:
        time.sleep(AGAIN)
    _came.append(first)
    leave()


def leave() -> NoReturn:
    """End the process now. Every file is written whole or not at all, so that nothing has to be put in order."""
    _say()
    os._exit(code())


def _say() -> None:
    """Tell what is not told, show the cursor, which a progress bar hides, and turn from streams that are gone."""
    for stream in filter(None, (sys.stderr, sys.stdout)):
        try:
            if stream is sys.stderr:
                cursor = "\x1b[?25h" if stream.isatty() else ""
                os.write(stream.fileno(), (cursor if _said else f"{cursor}invsound: {told()}\n").encode())
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except (RuntimeError, ValueError):  # in use by whom the signal interrupted; closed
            pass


def came() -> bool:
    """Whether a signal has ended the command: what else it raises then is a consequence."""
    return bool(_came)


def advise(text: str) -> None:
    """What to do should this command be ended."""
    global advice
    advice = text


def told() -> str:
    """What happened and how to go on, to be said once."""
    number = code() - 128
    _said.append(number)
    word = WORDS[signal.Signals(number).name]
    return f"{word}. {advice}".rstrip()


def code() -> int:
    """The exit code of the shell's convention: 130, 143 or 129."""
    return 128 + (_came[0] if _came else signal.SIGINT)
