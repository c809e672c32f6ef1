"""Multi-scale spectrograms: a feature, and the multi-resolution STFT score."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_features() -> list[Part]:
    about = "multi-scale spectrogram, quick and steady in noise: for tones that sweep or tremble, and for first tries"
    return [Part("mss", "invsound_mss.feature:MSS", about)]


@hookimpl
def invsound_scores() -> list[Part]:
    return [Part("mss", "invsound_mss.score:MultiResolutionSTFT", "multi-resolution STFT distance, auraloss's defaults")]
