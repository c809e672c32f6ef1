"""What a sound meets on its way into a recording, drawn from a seed: an encoder that has heard it is not surprised by it."""

from __future__ import annotations

import math
from collections.abc import Callable, Container

import torch
from torch import Tensor

from ..audio.alignment import until
from ..problem import filtered
from ..system.rng import generator

TAPS = 4096  # of the equalizer: its response is over long before
SHORTEST = 0.08  # s that a cut leaves: few recordings are shorter
Draw = Callable[[float, float], float]
"""(low, high) → a number that is uniform between them."""


def augmented(x: Tensor, sample_rate: float, effects: Container[str], seed: int) -> Tensor:
    """x [N] → x [N] after `effects`, names of EFFECTS, in the order of EFFECTS whatever theirs.

    Each effect is drawn from the seed and its name alone: another effect changes nothing of it. Silence stays silence.
    """
    for name, effect in EFFECTS.items():
        if name in effects and x.abs().max() > 0:
            x = effect(x, sample_rate, generator(seed, "augment", name))
    return x


def at_peak(x: Tensor, peak: float | None) -> Tensor:
    """x as a recording of it would be read: scaled to the `peak` of the synthesizer, if it has one."""
    return x * _gain(x, peak)


def _gain(x: Tensor, peak: float | None) -> float:
    level = float(x.abs().max())
    return peak / level if peak is not None and level > 0 else 1.0


def retaken(
    x: Tensor, end: float, sample_rate: float, peak: float | None, effects: Container[str], seed: int
) -> tuple[Tensor, Tensor, float]:
    """A recording x [N] that is cut or faded out at the sample `end`, as it might have been: what is heard of it after `effects`; and what
    that is to be compared with, which is its sound, at its `peak` and without noise, and until which sample."""
    N, changes = len(x), [name for name in OF_SOUND if name in effects]
    if "speed" in effects:
        end = min(N, end * _played(N, generator(seed, "augment", "speed")) / N)
    sound, window = augmented(x, sample_rate, changes, seed), until(end, N, sample_rate).to(x)
    sound = sound * _gain(sound * window, peak if changes else None)
    others = [name for name in EFFECTS if name in effects and name not in OF_SOUND]
    heard = at_peak(augmented(sound * window, sample_rate, others, seed), peak if others else None)
    if "cut" in effects:
        end = min(end, _fade(N, sample_rate, generator(seed, "augment", "cut"))[0])
    return heard, sound * until(end, N, sample_rate).to(x), end


def _uniform(stream: torch.Generator) -> Draw:
    return lambda low, high: low + (high - low) * float(torch.rand((), generator=stream, dtype=torch.float64))


def _white(x: Tensor, stream: torch.Generator) -> Tensor:
    return torch.randn(len(x), generator=stream, dtype=torch.float32).to(x)


def reverberation(white: Tensor, sample_rate: float, T: float, below: float) -> Tensor:
    """White noise [N] → the response of a room after its direct sound: it falls by 60 dB in T seconds, and is `below` dB below it."""
    tail = white * torch.exp(-6.91 / T / sample_rate * torch.arange(len(white), device=white.device, dtype=white.dtype))
    scaled: Tensor = tail * 10 ** (-below / 20) / tail.norm()
    return scaled


def speed(x: Tensor, sample_rate: float, stream: torch.Generator) -> Tensor:
    """Played faster or slower, by up to 0.7 octaves: with its pitch. Of a sound that goes on longer, the beginning."""
    N, M = len(x), _played(len(x), stream)
    X = torch.fft.rfft(x, 2 * N)[: M + 1]
    y = torch.fft.irfft(X, 2 * M)[: min(M, N)] * (M / N)
    return torch.nn.functional.pad(y, (0, N - len(y)))


def _played(num_samples: int, stream: torch.Generator) -> int:
    """How many samples so many become: whole 64ths of them, which have a fast Fourier transform."""
    step = max(1, num_samples // 64)
    return step * round(num_samples / 2 ** _uniform(stream)(-0.7, 0.7) / step)


def room(x: Tensor, sample_rate: float, stream: torch.Generator) -> Tensor:
    """δ(t) + a w(t) exp(−6.91 t / T), w white: it falls by 60 dB in T from 0.1 to 0.8 s, and is 3 to 20 dB below the direct sound."""
    draw = _uniform(stream)
    T, below = 0.1 * 8 ** draw(0, 1), draw(3, 20)
    tail = reverberation(_white(x, stream), sample_rate, T, below)
    return filtered(x, 1 + torch.fft.rfft(tail, 2 * len(x)))


def equalizer(x: Tensor, sample_rate: float, stream: torch.Generator) -> Tensor:
    """A filter of minimum phase whose gain in dB is a line from octave to octave, 62.5 Hz and up, with normal knots of 3 dB.

    Minimum phase: the causal half, doubled, of the real cepstrum of the gain (Oppenheim & Schafer, Discrete-Time Signal Processing, §13).
    """
    knots = 3 * torch.randn(12, generator=stream, dtype=torch.float64).to(x)
    f = torch.fft.rfftfreq(2 * TAPS, 1 / sample_rate, device=x.device, dtype=x.dtype)
    octave = (f.clamp_min(62.5) / 62.5).log2().clamp_max(10.999)
    k = octave.long()
    decibels = knots[k] + (octave - k) * (knots[k + 1] - knots[k])
    cepstrum = torch.fft.irfft(decibels * (math.log(10) / 20), 2 * TAPS)  # of ln |H|
    cepstrum[1:TAPS] *= 2
    cepstrum[TAPS + 1 :] = 0
    h = torch.fft.irfft(torch.fft.rfft(cepstrum).exp(), 2 * TAPS)[: min(TAPS, len(x))]
    return filtered(x, torch.fft.rfft(h, 2 * len(x)))


def noise(x: Tensor, sample_rate: float, stream: torch.Generator) -> Tensor:
    """Noise of a power between that of white noise and 1/f, 40 to 80 dB below the peak."""
    draw = _uniform(stream)
    slope, level = draw(0, 0.5), draw(-80, -40)
    spectrum = torch.fft.rfft(_white(x, stream))
    spectrum = spectrum * torch.arange(1, len(spectrum) + 1, device=x.device, dtype=x.dtype) ** -slope
    added: Tensor = torch.fft.irfft(spectrum, len(x))
    return x + added * x.abs().max() * 10 ** (level / 20) / added.square().mean().sqrt()


def cut(x: Tensor, sample_rate: float, stream: torch.Generator) -> Tensor:
    """One in two stops between SHORTEST and the whole of the file, any octave as likely, after a fade, half a cosine, of 1 to 200 ms."""
    begin, end = _fade(len(x), sample_rate, stream)
    t = torch.arange(len(x), device=x.device, dtype=x.dtype)
    return x * (0.5 + 0.5 * torch.cos(torch.pi * ((t - begin) / (end - begin)).clamp(0, 1)))


def _fade(num_samples: int, sample_rate: float, stream: torch.Generator) -> tuple[int, int]:
    """From which sample to which a sound is faded out; behind it where it is not."""
    draw, least = _uniform(stream), min(SHORTEST * sample_rate, num_samples)
    if draw(0, 1) < 0.5:
        return num_samples, num_samples + 1
    end, fade = round(least * (num_samples / least) ** draw(0, 1)), sample_rate * 1e-3 * 200 ** draw(0, 1)
    return end - max(1, round(min(fade, end / 2))), end


def level(x: Tensor, sample_rate: float, stream: torch.Generator) -> Tensor:
    """A gain of −12 to 0 dB."""
    return x * 10 ** (_uniform(stream)(-12, 0) / 20)


EFFECTS: dict[str, Callable[[Tensor, float, torch.Generator], Tensor]] = {
    "speed": speed, "room": room, "equalizer": equalizer, "noise": noise, "cut": cut, "level": level,
}  # fmt: skip
"""In the order in which they come between an instrument and a file."""
OF_SOUND = ("speed", "room", "equalizer")
"""Those that make another sound of it, which a recording is to be compared with; of the others an encoder is to make nothing."""
