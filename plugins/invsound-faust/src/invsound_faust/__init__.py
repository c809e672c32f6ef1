"""Faust: any program is a synthesizer, and its interface the space of parameters."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_synths() -> list[Part]:
    return [Part("faust", "invsound_faust.synth:Faust", "any Faust program: synth.file=program.dsp")]
