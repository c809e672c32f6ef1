"""Takes of a recording, as another room or another microphone would have made them: some of them an encoder finds easier."""

from __future__ import annotations

import torch
from torch import Tensor

from ..audio.alignment import until
from ..audio.timbre import timbre_and_pitch
from ..data.augment import at_peak, augmented
from ..problem import sound
from ..synth import Synth

EFFECTS = ("equalizer", "cut", "noise", "room", "speed")
CHUNK = 8


def takes(x: Tensor, synth: Synth, count: int) -> Tensor:
    """x [N] → [1 + count, N]: as it is, and after one of EFFECTS, each in its turn, as a synth's own sounds are augmented."""
    rate, n = synth.signal.sample_rate, len(EFFECTS)
    others = [at_peak(augmented(x, rate, [EFFECTS[k % n]], seed=k // n), synth.peak) for k in range(count)]
    return torch.stack([x, *others])


@torch.no_grad()
def nearest(synth: Synth, theta: Tensor, x: Tensor, end: float | None) -> Tensor:
    """θ [P], that of θ [K, P] whose sound is nearest to x [N] in timbre and pitch, until the sample `end`."""
    rate = synth.signal.sample_rate
    window, heard = until(end, len(x), rate), timbre_and_pitch(x[None], rate)
    made = (timbre_and_pitch(sound(synth, rows.float()) * window, rate) for rows in theta.split(CHUNK))
    return theta[torch.cat([(rows - heard).norm(dim=1) for rows in made]).argmin()]
