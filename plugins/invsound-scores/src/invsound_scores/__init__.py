"""Scores that papers on sound matching report, and representations beside them."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_features() -> list[Part]:
    logmel = "log-mel spectrogram, small, with coarse pitch: for timbre, and as a baseline"
    timbre = "how loud each band is, soon and late: what a search compares first, and encoders learn from on a CPU"
    sot = "cumulative spectra, compared as by optimal transport and deaf to level: for pitches that are far off"
    return [
        Part("logmel", "invsound_scores.logmel:LogMel", logmel),
        Part("sot", "invsound_scores.transport:CumulativeSpectrum", sot),
        Part("timbre", "invsound_scores.timbre:Timbre", timbre),
    ]


@hookimpl
def invsound_scores() -> list[Part]:
    return [
        Part("mel", "invsound_scores.mel:MelDistance", "multi-scale log-mel distance, dB"),
        Part("wmfcc", "invsound_scores.wmfcc:WarpedMFCC", "MFCC distance under dynamic time warping"),
        Part("sot", "invsound_scores.transport:SpectralTransport", "spectral optimal transport, in Nyquist frequencies"),
        Part("rms", "invsound_scores.rms:EnvelopeDistance", "1 − cosine of the RMS envelopes"),
    ]
