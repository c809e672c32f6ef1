"""A trained encoder: called with a sound, it says which parameters make it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..audio import recording as recordings
from ..audio.alignment import until
from ..audio.recording import Recording
from ..encoder import Encoder, prepared
from ..evaluation.evaluation import predict
from ..hooks.registry import make
from ..problem import Problem, finite
from ..runs.parts import Parts
from ..synth import Synth, sound
from ..system.executor import single_thread
from ..system.shared import alone
from ..table import Shown, Table
from . import kept
from .correction import Correction

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Trained:
    """What a training has made, of a folder that `export` or `run` wrote: `trained(x, sample_rate)` or `trained(path)`.

    With a `feature` each answer is corrected once by what that hears, see `Correction`.
    """

    def __init__(self, folder: Path, name: str, feature: str | None = None) -> None:
        """Raises UsageError for a folder that holds none, or a feature that is none, InvsoundError for one that is damaged."""
        self.folder, self.name, self.feature = folder, name, feature
        self.parts = Parts(kept.config(folder))
        self.encoder: Encoder = kept.weights(folder, self.parts.encoder()).eval()
        self.correction = None if feature is None else Correction(Problem(self.synth, make("feature", feature, signal=self.synth.signal)))

    @property
    def synth(self) -> Synth:
        """The synthesizer whose parameters it hears."""
        return self.parts.synth

    @property
    def num_weights(self) -> int:
        """How many numbers it has learned."""
        return sum(weight.numel() for weight in self.encoder.parameters())

    @cached_property
    def card(self) -> dict[str, Any]:
        """What is known of it: its training, and how well it does. Raises InvsoundError where that is damaged."""
        return kept.card(self.folder)

    @torch.no_grad()
    def theta(self, x: Tensor) -> Tensor:
        """Audio x [B, N], of the synth's signal → θ̂ [B, P], float64, within the bounds."""
        nu_hat = self.parts.declared(predict(self.encoder, prepared(self.parts.front_end, x.cpu())))
        return self.synth.space.clipped(nu_hat.double())

    @alone()
    @single_thread()
    def __call__(self, x: ArrayLike | Path | str, sample_rate: float | None = None) -> Answer:
        """The answer to one sound: a file, or samples x at `sample_rate` Hz, as in `match`. Raises UsageError if it cannot be read."""
        recording = recordings.take_for(self.synth, x, sample_rate, "trained(x, 44100)")
        begin = time.perf_counter()
        theta = self.theta((recording.x * until(recording.end, len(recording.x), self.synth.signal.sample_rate))[None])[0]
        if self.correction is not None:
            space = self.synth.space
            theta = space.clipped(self.correction(recording, space.to_nu(theta)))
        return Answer(self, recording, theta, time.perf_counter() - begin)


@dataclass(repr=False, eq=False)
class Answer(Shown):
    """What a trained encoder says of a recording: θ̂ [P], and the seconds that it took."""

    trained: Trained
    recording: Recording
    theta: Tensor
    seconds: float

    @property
    def parameters(self) -> dict[str, float | int | str]:
        """name → value in its unit; of a choice the option."""
        return self.trained.synth.space.named(self.theta)

    @property
    def units(self) -> dict[str, str]:
        return {p.name: p.unit for p in self.trained.synth.space}

    def __getitem__(self, name: str) -> float | int | str:
        return self.parameters[name]

    @cached_property
    def x_hat(self) -> Tensor:
        """The sound [N] of these parameters, at the rate of the synth."""
        synth, theta = self.trained.synth, self.theta[None]
        with torch.no_grad():
            return finite(sound(synth, theta.float()), f"The answer of {self.trained.name}", synth.space, synth.space.to_nu(theta))[0]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, without the sounds."""
        said = {
            "file": str(self.recording.path),
            "notes": self.recording.notes,
            "trained": self.trained.name,
            "feature": self.trained.feature,
        }
        return said | {"parameters": self.parameters, "units": self.units, "seconds": self.seconds}

    def table(self) -> Table:
        """A row for each parameter."""
        found, units = self.parameters, self.units
        columns: dict[str, list[Any]] = {"parameter": [*found], "value": [*found.values()], "unit": [units[name] for name in found]}
        corrected = "" if self.trained.feature is None else f", corrected once in {self.trained.feature}"
        return Table(f"{self.recording.path.name} as {self.trained.name} hears it{corrected}", columns)


def load(what: str | Path, feature: str | None = None) -> Trained:
    """A trained encoder: the name of one that is installed, or the folder of a finished run or of what `export` wrote.

    With the name of a representation, `feature`, its answers are corrected once by what that hears. Raises UsageError for what is neither,
    or no representation, InvsoundError for a folder that is damaged.
    """
    folder, name = kept.found(what)
    return Trained(folder, name, feature)
