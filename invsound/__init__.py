"""invsound: given a sound, find the synthesizer parameters that make it."""

from __future__ import annotations

import importlib

from .system.version import VERSION

TYPE_CHECKING = False  # importing typing, or pluggy, takes longer than a Ctrl-C at the start of a command may wait
if TYPE_CHECKING:
    from typing import Any

    from .audio.alignment import until
    from .audio.least_squares import derivatives, descend, least_squares, newton
    from .audio.partials import Partials, modal_energy, partials
    from .audio.timbre import timbre, timbre_and_pitch
    from .builtin.cqt import LogCQT
    from .data.designs import published_table
    from .encoder import Encoder
    from .errors import InvsoundError, NonFiniteError, UsageError
    from .evaluation.radius import radius
    from .executor import Executor
    from .experiments.comparison import compare
    from .experiments.sweep import sweep
    from .feature import Feature
    from .hooks.bounds import check_bounds, option
    from .hooks.registry import make, parts
    from .hooks.specs import API_VERSION, Part, hookimpl
    from .logger import Logger
    from .loss import Loss
    from .matching.match import Nearest
    from .matching.matcher import Matcher, match
    from .parameter import Choice, Parameter
    from .pipeline import evaluate, resume, run
    from .problem import Problem, volume
    from .renderer import Renderer
    from .score import Score
    from .signal import Signal, SignalOptions
    from .solver import Forward, Solution, Solver
    from .space import Space
    from .synth import Synth
    from .trained.export import export
    from .trained.trained import Answer, Trained, load

__version__ = VERSION

_home = {
    "API_VERSION": "hooks.specs", "Part": "hooks.specs", "hookimpl": "hooks.specs",
    "Choice": "parameter", "Encoder": "encoder", "Feature": "feature", "Forward": "solver", "InvsoundError": "errors", "Loss": "loss",
    "LogCQT": "builtin.cqt",
    "Matcher": "matching.matcher", "NonFiniteError": "errors", "Parameter": "parameter", "Partials": "audio.partials", "Problem": "problem",
    "Score": "score", "Signal": "signal", "SignalOptions": "signal", "Solution": "solver", "Solver": "solver", "Space": "space",
    "Synth": "synth", "UsageError": "errors", "check_bounds": "hooks.bounds", "compare": "experiments.comparison",
    "Logger": "logger", "Executor": "executor", "derivatives": "audio.least_squares",
    "descend": "audio.least_squares", "timbre": "audio.timbre", "timbre_and_pitch": "audio.timbre",
    "evaluate": "pipeline", "least_squares": "audio.least_squares", "make": "hooks.registry", "match": "matching.matcher",
    "Nearest": "matching.match", "until": "audio.alignment", "parts": "hooks.registry",
    "modal_energy": "audio.partials", "newton": "audio.least_squares", "option": "hooks.bounds", "partials": "audio.partials",
    "published_table": "data.designs", "Renderer": "renderer", "radius": "evaluation.radius", "resume": "pipeline", "run": "pipeline",
    "sweep": "experiments.sweep", "volume": "problem",
    "Answer": "trained.trained", "Trained": "trained.trained", "export": "trained.export", "load": "trained.trained",
}  # fmt: skip

__all__ = [
    "API_VERSION", "Answer", "Choice", "Encoder", "Executor", "Feature", "Forward", "InvsoundError", "LogCQT", "Logger", "Loss", "Matcher",
    "Nearest", "NonFiniteError", "Parameter", "Part", "Partials", "Problem", "Renderer", "Score", "Signal", "SignalOptions", "Solution",
    "Solver", "Space", "Synth", "Trained", "UsageError", "__version__", "check_bounds", "compare", "derivatives", "descend", "evaluate",
    "export", "hookimpl", "least_squares", "load", "make", "match", "modal_energy", "newton", "option", "partials", "parts",
    "published_table", "radius", "resume", "run", "sweep", "timbre", "timbre_and_pitch", "until", "volume",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    # hook modules import invsound to list their parts: torch is loaded only by whoever touches a class
    if name not in _home:
        raise AttributeError(f"module 'invsound' has no attribute {name!r}")
    importlib.import_module(".hooks.installed", __name__).spare_torch()
    return getattr(importlib.import_module(f".{_home[name]}", __name__), name)
