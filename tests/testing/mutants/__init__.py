"""Deliberately broken parts: each breaks one law, and the suite must say which. The parts named Good… break none."""

from . import encoders, executors, features, loggers, losses, optimizers, outside, scores, solvers, synths  # noqa: F401
from .common import MUTANTS  # noqa: F401
