"""AM/FM arpeggiator for invsound. This hook module lists parts, and imports no torch."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_synths() -> list[Part]:
    return [Part("amfm", "invsound_amfm.arpeggiator:Arpeggiator", "exponential chirp with tremolo: carrier, modulation and chirp rates")]


@hookimpl
def invsound_pretrained() -> list[Part]:
    return [Part("amfm-chirp", "invsound_amfm.trained:amfm_chirp", "the three rates of an arpeggio of amfm, within 2 Hz of its carrier")]
