"""A matcher: called with a sound, it finds the parameters."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..audio import recording as recordings
from ..errors import UsageError
from ..system.executor import single_thread
from .match import Match
from .matching import Matching
from .options import groups
from .setup import Setup


class Matcher(Setup):
    """A `Setup` that matches: `matcher(x, sample_rate)` or `matcher(path)`."""

    @single_thread()
    def __call__(self, x: Tensor | str | Path, sample_rate: float | None = None) -> Match:
        """Match one sound: a file, or samples x [channels…, n] at `sample_rate` Hz. Raises UsageError if it cannot be read or is silent."""
        recording = self._recording(x, sample_rate)
        _ = self.dictionary
        return Matching(self, recording).match()

    def _recording(self, x: Tensor | str | Path, sample_rate: float | None) -> recordings.Recording:
        if isinstance(x, (str, Path)):
            return recordings.tell(recordings.load_for(self.synth, x))
        if sample_rate is None:
            raise UsageError("A sound given as samples needs its sample_rate in Hz: match(x, 44100, synth=…, feature=…).")
        x = torch.as_tensor(x).detach().cpu()
        with tempfile.TemporaryDirectory() as scratch:
            path = recordings.save(Path(scratch) / "samples.wav", x.reshape(-1, x.shape[-1]).mean(0), sample_rate)
            try:
                return recordings.tell(recordings.load_for(self.synth, path))
            except UsageError as error:
                raise UsageError(str(error).replace(str(path), "The sound")) from None


def match(
    x: Tensor | str | Path,
    sample_rate: float | None = None,
    *,
    synth: str | None = None,
    feature: str | None = None,
    solver: str | None = None,
    overrides: Sequence[str] = (),
    jobs: int = 1,
    device: str = "cpu",
    **how: Any,
) -> Match:
    """Find the parameters of one sound: a file, or samples x [channels…, n] at `sample_rate` Hz.

    A synth or feature that is not named is the only one installed. `how` are fields of `MatchOptions`, such as budget="60s" or
    fix={"alpha": 0.5}; overrides are "synth.…", "feature.…", "solver.…" and "problem.…"; `jobs` processes prepare the candidates.
    Raises UsageError for a wrong name, option or file. For several sounds, build one `Matcher`.
    """
    return Matcher(synth, feature, solver, groups(overrides, how), jobs=jobs, device=device)(x, sample_rate)
