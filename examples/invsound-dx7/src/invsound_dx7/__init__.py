"""A Yamaha DX7, as Dexed computes it."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_synths():
    return [Part("dx7", "invsound_dx7.synth:DX7", "Yamaha DX7: 145 controls, voices in and out as .syx")]
