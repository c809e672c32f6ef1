"""Physical models by the functional transformation method for invsound. This hook module lists parts, and imports no torch."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_synths() -> list[Part]:
    return [
        Part("ftm", "invsound_ftm.drum:Drum", "rectangular drum: pitch, decay, damping, dispersion and shape of a struck membrane"),
        Part("drum", "invsound_ftm.struck:StruckDrum", "drum of recordings: ftm's, with stick, falling pitch and noise"),
        Part("string", "invsound_ftm.string:String", "stiff damped string: stiffness, tension, two dampings, mass and length"),
    ]


@hookimpl
def invsound_pretrained() -> list[Part]:
    return [
        Part("ftm-drum", "invsound_ftm.trained:ftm_drum", "the five parameters of a drum of ftm, learned of a million drums"),
        Part("drum-recorded", "invsound_ftm.trained:drum_recorded", "the drum that a recorded one sounds like, learned of recordings"),
    ]
