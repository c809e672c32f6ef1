"""Physical models by the functional transformation method for invsound. This hook module lists parts, and imports no torch."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_synths() -> list[Part]:
    return [
        Part("ftm", "invsound_ftm.drum:Drum", "rectangular drum: pitch, decay, damping, dispersion and shape of a struck membrane"),
        Part("string", "invsound_ftm.string:String", "stiff damped string: stiffness, tension, two dampings, mass and length"),
    ]
