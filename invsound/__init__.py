"""invsound: given a sound, find the synthesizer parameters that make it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .hookspecs import API_VERSION, Part, hookimpl

if TYPE_CHECKING:
    from .comparison import compare
    from .encoder import Encoder
    from .errors import InvsoundError, NonFiniteError, UsageError
    from .feature import Feature
    from .loss import Loss
    from .matcher import Matcher, match
    from .pipeline import evaluate, resume, run
    from .problem import Problem
    from .registry import make
    from .score import Score
    from .signal import Signal
    from .solver import Solution, Solver
    from .space import Parameter, Space
    from .sweeping import sweep
    from .synth import Synth
    from .validity import radius

__version__ = "0.1.0"

_home = {
    "Encoder": "encoder", "Feature": "feature", "Loss": "loss", "Problem": "problem", "Score": "score", "Signal": "signal",
    "Solution": "solver", "Solver": "solver", "Parameter": "space", "Space": "space", "Synth": "synth",
    "InvsoundError": "errors", "NonFiniteError": "errors", "UsageError": "errors",
    "make": "registry", "run": "pipeline", "resume": "pipeline", "evaluate": "pipeline", "match": "matcher", "Matcher": "matcher",
    "sweep": "sweeping", "compare": "comparison", "radius": "validity",
}  # fmt: skip

__all__ = [
    "API_VERSION", "Encoder", "Feature", "InvsoundError", "Loss", "Matcher", "NonFiniteError", "Parameter", "Part", "Problem", "Score",
    "Signal", "Solution", "Solver", "Space", "Synth", "UsageError", "__version__", "compare", "evaluate", "hookimpl", "make",
    "match", "radius", "resume", "run", "sweep",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # hook modules import invsound to list their parts: torch is loaded only by whoever touches a class
    if name not in _home:
        raise AttributeError(f"module 'invsound' has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_home[name]}", __name__), name)
