"""Scores of a dozen pairs of sounds by librosa, scipy and POT: `python references.py` writes references.json; `pip install librosa POT`."""

import json
import math
import random
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def noise(seed, num_samples):
    """Uniform in ±1, the same for ever: Python promises that for random()."""
    draw = random.Random(seed).random
    return np.array([2 * draw() - 1 for _ in range(num_samples)])


def tone(t, f0, partials=8, slope=-1.0):
    """Harmonics k at k**slope."""
    return sum(k**slope * np.sin(2 * math.pi * k * f0 * t + k * k) for k in range(1, partials + 1)) / 3


def drum(t, f0, tau):
    """Damped modes at inharmonic ratios."""
    return sum(np.exp(-t * r / tau) * np.sin(2 * math.pi * f0 * r * t) / r for r in (1, 1.59, 2.14, 2.3, 2.65, 2.92))


def chirp(t, f0, rate):
    """f0 · 2^(rate · t) Hz."""
    return np.sin(2 * math.pi * f0 * (2 ** (rate * t) - 1) / (rate * math.log(2)))


def pairs():
    """name → (sample rate in Hz, x̂, x), at rates at which windows are odd, even and cut."""
    made = {}
    for name, rate, num_samples, one, other in (
        ("tone, a third apart", 44100, 22050, lambda t, n: tone(t, 220), lambda t, n: tone(t, 277.2)),
        ("tone, brighter", 22050, 16384, lambda t, n: tone(t, 130.8), lambda t, n: tone(t, 130.8, 40, -0.5)),
        ("tone, later", 16000, 12000, lambda t, n: tone(t, 330) * (t > 0.1), lambda t, n: tone(t, 330) * (t > 0.25)),
        ("drum, tighter", 22050, 16384, lambda t, n: drum(t, 90, 0.3), lambda t, n: drum(t, 120, 0.1)),
        ("drum, in noise", 22050, 16384, lambda t, n: drum(t, 90, 0.3), lambda t, n: drum(t, 90, 0.3) + 0.03 * noise(1, n)),
        ("chirp, faster", 8192, 8192, lambda t, n: chirp(t, 512, 1.0), lambda t, n: chirp(t, 400, 2.0)),
        ("chirp, trembling", 8192, 8191, lambda t, n: chirp(t, 512, 0.5), lambda t, n: chirp(t, 512, 0.5) * np.sin(20 * t)),
        ("noise, other", 11025, 9001, lambda t, n: noise(2, n), lambda t, n: noise(3, n)),
        ("noise, fading", 11025, 9000, lambda t, n: noise(2, n), lambda t, n: noise(2, n) * np.exp(-8 * t)),
        ("noise, duller", 48000, 24000, lambda t, n: noise(4, n), lambda t, n: np.convolve(noise(4, n), np.ones(8) / 8)[:n]),
        ("level, 40 dB down", 16000, 12345, lambda t, n: tone(t, 441), lambda t, n: 0.01 * tone(t, 441)),
        ("very short", 8192, 500, lambda t, n: tone(t, 700), lambda t, n: drum(t, 350, 0.02)),
        ("silence", 16000, 8000, lambda t, n: 0 * t, lambda t, n: tone(t, 500)),
    ):  # fmt: skip
        t = np.arange(num_samples) / rate
        made[name] = (rate, one(t, num_samples), other(t, num_samples))
    return made


def samples(rate, ms):
    return int(rate * ms / 1000)


def mel_power(x, rate, window, hop, bands):
    import librosa

    return librosa.feature.melspectrogram(y=x, sr=rate, n_fft=samples(rate, window), hop_length=samples(rate, hop), n_mels=bands)


def mel(rate, *sounds):
    import librosa

    scales = [(10, 5, 32), (25, 10, 64), (100, 50, 128)]
    L = [[librosa.power_to_db(mel_power(x, rate, *scale), ref=np.max) for x in sounds] for scale in scales]
    return np.mean([np.abs(a - b).mean() for a, b in L])


def wmfcc(rate, *sounds):
    import librosa
    from scipy.spatial.distance import cdist

    settings = {"n_mfcc": 20, "n_mels": 128, "n_fft": samples(rate, 50), "hop_length": samples(rate, 10)}
    a, b = (librosa.feature.mfcc(y=x, sr=rate, **settings).T for x in sounds)
    steps = {"step_sizes_sigma": np.array([[1, 1], [0, 1], [1, 0]]), "weights_mul": np.array([2.0, 1, 1]), "weights_add": np.zeros(3)}
    return librosa.sequence.dtw(C=cdist(a, b, "cityblock") / 20, backtrack=False, **steps)[-1, -1] / (len(a) + len(b))


def spectra(rate, *sounds):
    """Magnitudes [frames, bins] as distributions, and where their bins are; None where a frame is silent."""
    import librosa

    magnitudes = [np.abs(librosa.stft(x, n_fft=samples(rate, 50), hop_length=samples(rate, 20))).T for x in sounds]
    if any(m.sum(1).min() < 1e-1 for m in magnitudes):
        return None
    return [m / m.sum(1, keepdims=True) for m in magnitudes], np.arange(magnitudes[0].shape[1]) / magnitudes[0].shape[1]


def sot(rate, *sounds):
    import ot

    if (found := spectra(rate, *sounds)) is None:
        return None
    (a, b), places = found
    return np.mean([ot.wasserstein_1d(places, places, p, q, p=1) for p, q in zip(a, b, strict=True)])


def sot_feature(rate, *sounds):
    from scipy.stats import energy_distance

    if (found := spectra(rate, *sounds)) is None:
        return None
    (a, b), places = found
    return np.sqrt(np.mean([energy_distance(places, places, p, q) ** 2 / 2 for p, q in zip(a, b, strict=True)]))


def rms(rate, *sounds):
    import librosa
    from scipy.spatial.distance import cosine

    frames = {"frame_length": samples(rate, 50), "hop_length": samples(rate, 25), "dtype": np.float64}
    envelopes = [librosa.feature.rms(y=x, **frames)[0] for x in sounds]
    return cosine(*envelopes) if all(e.any() for e in envelopes) else None


def logmel_feature(rate, *sounds):
    a, b = (np.log1p(mel_power(x, rate, 25, 10, 64) / 1e-6) for x in sounds)
    return np.linalg.norm(a - b)


REFERENCES = {
    "score": {"mel": mel, "wmfcc": wmfcc, "sot": sot, "rms": rms},
    "feature": {"sot": sot_feature, "logmel": logmel_feature},
}


def rounded(value):
    return None if value is None else float(f"{value:.10g}") if value > 1e-12 else 0.0


def measured():
    """kind → part → pair → distance, null where the reference has none."""
    sounds = pairs()
    found = {kind: {} for kind in REFERENCES}
    for kind, parts in REFERENCES.items():
        for part, distance in parts.items():
            found[kind][part] = {name: rounded(distance(*pair)) for name, pair in sounds.items()}
    return found


if __name__ == "__main__":
    (HERE / "references.json").write_text(json.dumps(measured(), indent=1) + "\n", encoding="utf-8")
