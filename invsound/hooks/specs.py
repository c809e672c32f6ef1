"""The hooks a plugin may implement: one per kind of part, each returns a list of `Part`.

A hook module is imported to *list* parts, so it imports neither torch nor numpy: a `Part` names its class as text.
"""

from __future__ import annotations

from dataclasses import dataclass

import pluggy

API_VERSION = 2
"""Version of this contract. A hook module may state the one it was written for as `INVSOUND_API`; N and N−1 are accepted."""

hookspec = pluggy.HookspecMarker("invsound")
hookimpl = pluggy.HookimplMarker("invsound")


@dataclass(frozen=True)
class Part:
    """A part on offer: the name users type, where its class or a command's function is (`"package.module:Class"`), a line about it."""

    name: str
    target: str
    summary: str = ""


@hookspec
def invsound_synths() -> list[Part]:  # type: ignore[empty-body]
    """Synthesizers g : θ → x, subclasses of `invsound.Synth`, built as `Synth(options)`."""


@hookspec
def invsound_features() -> list[Part]:  # type: ignore[empty-body]
    """Perceptual representations Φ : x → S, subclasses of `invsound.Feature`, built as `Feature(signal, options)`."""


@hookspec
def invsound_losses() -> list[Part]:  # type: ignore[empty-body]
    """Training losses (ν̂, ν) → one value per example, subclasses of `invsound.Loss`, built as `Loss(problem, options)`."""


@hookspec
def invsound_optimizers() -> list[Part]:  # type: ignore[empty-body]
    """Optimizers of encoder weights, subclasses of `torch.optim.Optimizer`, built as `Optimizer(params, options)`."""


@hookspec
def invsound_encoders() -> list[Part]:  # type: ignore[empty-body]
    """Encoders f : x → ν̂, subclasses of `invsound.Encoder`, built as `Encoder(signal, num_outputs, options)`."""


@hookspec
def invsound_solvers() -> list[Part]:  # type: ignore[empty-body]
    """Solvers for a single sound, subclasses of `invsound.Solver`, built as `Solver(options)`."""


@hookspec
def invsound_loggers() -> list[Part]:  # type: ignore[empty-body]
    """Where the numbers of a training go, subclasses of `invsound.Logger`, built as `Logger(folder, options)`."""


@hookspec
def invsound_scores() -> list[Part]:  # type: ignore[empty-body]
    """Distances between two sounds reported after a run, subclasses of `invsound.Score`, built as `Score(signal, options)`."""


@hookspec
def invsound_executors() -> list[Part]:  # type: ignore[empty-body]
    """Executors, who compute what takes long, subclasses of `invsound.Executor`, built as `Executor(options)`."""


@hookspec
def invsound_pretrained() -> list[Part]:  # type: ignore[empty-body]
    """Trained encoders in a package's data: the target is a `pathlib.Path`, of the folder that `invsound export` wrote."""


@hookspec
def invsound_commands() -> list[Part]:  # type: ignore[empty-body]
    """Commands of the command line, `invsound NAME`: functions as Typer takes them, or Typer apps; imported when they are called."""
