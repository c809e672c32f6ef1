"""The sound that is to be found, on its way from the recording to what a synthesizer may have made."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..audio import recording as recordings
from ..audio.alignment import align, undo, until
from ..audio.recording import Recording
from ..data.augment import reverberation
from ..errors import InvsoundError, UsageError
from ..feature import represented
from ..problem import Problem
from .search import Free
from .uncertainty import waveform_jacobian

REALIGNED = 3  # times at most
SPANNED = 0.05  # of the sound: what a change of parameters leaves of a change of gain
ROOM = 10.0  # dB under the direct sound
FORMATS = (".wav", ".flac", ".ogg", ".aif", ".aiff", ".mp3")
SAME = 1e-6  # of the distance of a typical random sound: the recording itself, under whatever name


class Target:
    """x [N] as it is compared: `gain` and `lag` (samples) are what has been taken back of the recording so far.

    Where the recording ends while the sound goes on, `problem` hears sounds until there, and no further than x itself; it hears them above
    the `floor` of the recording. In a `room` of so many seconds both are compared, so that that of the recording matters less. `shorten`ed,
    x is its own beginning [n], until it is `whole` again.
    """

    def __init__(self, recording: Recording, problem: Problem, device: str, floor: bool = True, room: float | None = None) -> None:
        self.recorded, self.end, self.whole, self.compared = recording.x.to(device), recording.end, problem, problem
        self.floor = recording.floor.to(device) if floor and recording.floor is not None else None
        signal = problem.synth.signal
        self.room = None if room is None else tail(room, signal.num_samples, signal.sample_rate).to(device)
        self.gain, self.lag, self.correlation, self.aligned = 1.0, 0.0, 0.0, 0
        self.event: Tensor | None = None
        """u [F] of what the recording was last compared with, if it is the same event, in noise or not."""
        self._hear()

    @property
    def as_made(self) -> bool:
        """Whether sounds are compared with it as they are made."""
        return not (self.is_brief or self.is_altered)

    @property
    def is_altered(self) -> bool:
        """Whether something is done to sounds that was done to the recording."""
        return any(done is not None for done in (self.end, self.floor, self.room))

    @property
    def is_brief(self) -> bool:
        """Whether its beginning alone is compared."""
        return self.compared is not self.whole

    def shorten(self, problem: Problem) -> None:
        """Compare the beginning, by a problem as long as that, or by the one it came with all of it again."""
        self.compared = problem
        self._hear()

    @property
    def placed(self) -> Tensor:
        """x [1, N] as it is heard."""
        return self.problem.placed(self.x[None])

    @property
    def S(self) -> Tensor:
        """Φ [D] of it as it is heard."""
        return self.problem.represent(self.x[None])[0]

    @property
    def until_its_end(self) -> Tensor:
        """x [N], however much of it is compared."""
        return self.recorded * self._window(self.whole)

    @property
    def heard(self) -> Tensor:
        """What there is of the recording: [n], n ≤ N."""
        return self.recorded if self.end is None else self.recorded[: max(1, round(self.end - self.lag))]

    @torch.no_grad()
    def align(self, u: Tensor, nu: Tensor, free: Free) -> bool:
        """Take back the gain and the lag against the most similar of the sounds at ν [B, W], which are free at u [B, F], where that brings
        it nearer; whether it did."""
        found = [align(self.x, x_hat, len(self.x) // 2) for x_hat in self.problem.render(nu)]
        k = max(range(len(found)), key=lambda k: abs(found[k].correlation))
        best = found[k]
        if best.trusted and is_gain_free(self.problem, nu[k], free):
            best = replace(best, gain=1.0)
        self.correlation, self.event = best.correlation, u[k] if best.explained else None
        done = abs(best.lag) < 0.05 and abs(math.log(abs(best.gain) or 1e-9)) < 1e-3
        if done or not best.trusted or self.aligned == REALIGNED:
            return False
        self.aligned += 1
        before, far = (self.recorded, self.gain, self.lag, self.floor), self.distance(nu[k])
        self.recorded, self.gain, self.lag = undo(self.recorded, best), self.gain * best.gain, self.lag + best.lag
        self.floor = None if self.floor is None else self.floor / best.gain
        self._hear()
        if self.distance(nu[k]) < far:
            return True
        self.recorded, self.gain, self.lag, self.floor = before
        self._hear()
        return False

    @torch.no_grad()
    def distance(self, nu: Tensor) -> float:
        """Of the sound at ν [W], in Φ."""
        return float((self.problem(nu[None])[0] - self.S).norm())

    def _hear(self) -> None:
        problem, n = self.compared, self.compared.synth.signal.num_samples
        self.x, self.problem = self.recorded[:n], problem
        if self.is_altered:
            window = None if self.end is None else self._window(problem)
            floor, room = (None if of is None else of[:n] for of in (self.floor, self.room))
            if window is not None:
                self.x, floor = self.x * window, None if floor is None else floor * window
            self.problem = problem.within(window, floor, room)

    def _window(self, problem: Problem) -> Tensor:
        end, signal = None if self.end is None else self.end - self.lag, problem.synth.signal
        return until(end, signal.num_samples, signal.sample_rate).to(self.recorded)


def files(folder: str) -> list[Path]:
    """The sounds in a folder, by name. Raises UsageError where there is none."""
    found = sorted(path for path in Path(folder).glob("*") if path.suffix.lower() in FORMATS)
    if not found:
        raise UsageError(f"yardstick is a folder of recordings ({', '.join(FORMATS)}), got {folder!r}, which has none.")
    return found


@torch.no_grad()
def nearest(folder: str, target: Target, typical: float) -> tuple[str, float] | None:
    """The name and the distance of the recording in the folder that is nearest to the target in Φ, until there the target ends.

    The recording itself is none, nor is what cannot be heard; None where nothing is left.
    """
    feature, window, found = target.problem.feature, target.problem.window, list[tuple[float, str]]()
    S = represented(feature, target.placed)[0]
    for path in files(folder):
        try:
            x = recordings.load_for(target.problem.synth, path).x.to(target.x)
        except InvsoundError:
            continue
        x = x if window is None else x * window.to(x)
        found.append((float((represented(feature, target.problem.placed(x[None]))[0] - S).norm()), path.name))
    others = [(distance, name) for distance, name in found if distance > SAME * typical]
    distance, name = min(others, default=(0.0, ""))
    return (name, distance) if others else None


def tail(seconds: float, num_samples: int, sample_rate: float) -> Tensor:
    """The response [N] of a room after its direct sound: noise from one seed, 10 dB below it, that falls by 60 dB in `seconds`."""
    return reverberation(torch.randn(num_samples, generator=torch.Generator().manual_seed(0)), sample_rate, seconds, ROOM)


@torch.no_grad()
def is_gain_free(problem: Problem, nu: Tensor, free: Free) -> bool:
    """Whether a free parameter, or several together, make the sound louder and change nothing else: x̂ lies in the span of ∂x̂/∂ν.

    What such a synthesizer hears as loudness is not the recording's gain.
    """
    if problem.synth.peak is not None or not free.numbers.any():
        return False
    J, x_hat = waveform_jacobian(problem, nu, free).double(), problem.render(nu[None])[0].double()
    J = J / J.norm(dim=0).clamp_min(torch.finfo(J.dtype).tiny)
    rest = x_hat - J @ torch.linalg.lstsq(J, x_hat[:, None]).solution[:, 0]
    return bool(rest.norm() < SPANNED * x_hat.norm())
