"""A plucked string and an onset-aware spectrogram for invsound. This module lists the parts, and imports no torch."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_synths() -> list[Part]:
    return [Part("karplus", "invsound_karplus.string:KarplusStrong", "Karplus–Strong plucked string")]


@hookimpl
def invsound_features() -> list[Part]:
    return [Part("logmel-onset", "invsound_karplus.onset:LogMelOnset", "log-mel spectrogram and onset-strength envelope")]
