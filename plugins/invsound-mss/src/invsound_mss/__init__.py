"""Multi-scale spectrograms: a feature, and the multi-resolution STFT score."""

from invsound import Part, hookimpl

INVSOUND_API = 1


@hookimpl
def invsound_features() -> list[Part]:
    return [Part("mss", "invsound_mss.feature:MSS", "multi-scale spectrogram: Hann STFT magnitudes, windows of 2048 to 64 samples")]


@hookimpl
def invsound_scores() -> list[Part]:
    return [Part("mss", "invsound_mss.score:MultiResolutionSTFT", "multi-resolution STFT distance, auraloss's defaults")]
