"""Mutants: a command whose help takes as long as numpy."""

import numpy  # noqa: F401

from .common import breaks


@breaks("command", "help needs neither torch nor numpy")
def Heavy() -> None:
    """Say how heavy it is."""
