"""How the voice listens: from a recording to the knobs that may have made it."""

from __future__ import annotations

import torch
from torch import Tensor

from .note import Note
from .pitch import SHORTEST, heard, moving_average, pitches, sharpened
from .polish import polish
from .timbre import timbre

FLOOR = 3e-3  # of the peak of the envelope: below it, it is not divided by


def listen(voice: Note, x: Tensor, count: int = 3) -> Tensor:
    """Sound x [N] → ν₀ [K, P], best first; x is as long as the voice's.

    For each likely pitch: the envelope whose level over one period follows the sound's; then, with the envelope divided out,
    harmonics from a transform at their frequencies and noise from what they leave. The likeliest is polished on the waveform,
    which a recording ignores and a sound of this voice rewards with its parameters.
    """
    x = x.detach().to(torch.float32 if x.device.type == "mps" else torch.float64).nan_to_num(0, 0, 0)
    if len(x) < SHORTEST or not x.abs().amax() > 0:
        return x.new_empty(0, len(voice.space))
    x = x / x.abs().amax()
    f0 = voice.space[0]
    nu = torch.stack([_analysis(voice, x, f) for f in pitches(x, voice.signal.sample_rate, f0.low, f0.high, count)])
    nu = torch.cat([polish(voice, x, nu[0])[None], nu])
    repeated = (torch.cdist(nu, nu, p=torch.inf) < 1e-3).tril(-1).any(1)
    return nu[~repeated]


def _analysis(voice: Note, x: Tensor, f0: Tensor) -> Tensor:
    """ν [P] of a note of pitch f0."""
    shape = _shape(voice, x, float(f0))
    envelope = voice.envelope(shape)
    y, own = (heard(z, envelope > FLOOR) for z in (x / envelope.clamp(min=FLOOR), voice.noise(x.new_zeros(voice.options.num_bands))))
    f0 = sharpened(y, voice.signal.sample_rate, f0)
    theta = torch.cat([f0[None], *timbre(voice, y, own, f0), shape])
    return voice.space.to_nu(theta).nan_to_num(0, 0, 0).clamp(-1, 1)


def _shape(voice: Note, x: Tensor, f0: float, hop: int = 32) -> Tensor:
    """Attack, decay, sustain and release [4] by a search on finer and finer grids: least absolute difference in log-level.

    Frames are `hop` apart in the first eighth of the sound, where most happens, and sparser later.
    """
    span, count = max(1, round(voice.signal.sample_rate / f0 / hop)), len(x) // hop  # frames in a period, and in all
    frames = torch.cat([torch.arange(count // 8, device=x.device), torch.arange(count // 8, count, 8, device=x.device)])
    t = (torch.arange(count, dtype=x.dtype, device=x.device) + 0.5) * (hop / voice.signal.sample_rate)
    target = _log_level(moving_average(x**2, span * hop)[hop // 2 :: hop][frames])

    def theta(nu: Tensor) -> Tensor:
        return voice.space.to_theta(torch.nn.functional.pad(nu, (len(voice.space) - 4, 0)))[..., -4:]

    def cost(nu: Tensor) -> Tensor:
        difference = _log_level(moving_average(voice.envelope(theta(nu), t) ** 2, span)[:, frames]) - target
        return (difference - difference.median(1, keepdim=True).values).abs().mean(1)

    nu = torch.cartesian_prod(*[torch.linspace(-1, 1, n, dtype=x.dtype, device=x.device) for n in (9, 7, 7, 5)])
    best = nu[torch.cat([cost(rows) for rows in nu.split(256)]).argmin()]
    around = torch.cartesian_prod(*[torch.linspace(-1, 1, 3, dtype=x.dtype, device=x.device)] * 4)
    for step in range(1, 10):
        nu = (best + 0.4 * 0.6**step * around).clamp(-1, 1)
        best = nu[cost(nu).argmin()]
    return theta(best)


def _log_level(power: Tensor) -> Tensor:
    return (power.clamp(min=0) + 1e-7 * power.amax(-1, keepdim=True) + 1e-30).log()
