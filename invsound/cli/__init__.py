"""The command line: a thin layer over the Python interface, without mathematics. Importing it loads no torch."""

from __future__ import annotations


def main() -> None:
    """Entry point. Exit code 0 for success, 2 for usage, 1 for failure, 128 + n for signal n: 130 for Ctrl-C."""
    from . import signals

    with signals.heard():  # before anything else is imported: that takes time
        import logging

        from ..system.device import limit_threads
        from .commands import app
        from .output import prepare_streams

        prepare_streams()
        limit_threads()
        logging.getLogger("invsound").propagate = False  # a plugin's logging.basicConfig would say everything twice
        app(prog_name="invsound")


def __getattr__(name: str) -> object:
    if name != "app":
        raise AttributeError(f"module 'invsound.cli' has no attribute {name!r}")
    from .commands import app

    return app
