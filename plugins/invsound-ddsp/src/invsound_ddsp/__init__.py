"""Differentiable DSP for invsound: a voice and a loss. This hook module lists parts, and imports no torch."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_synths() -> list[Part]:
    return [Part("ddsp", "invsound_ddsp.voice:Voice", "harmonic-plus-noise voice: pitch, spectrum, noise bands and envelope")]


@hookimpl
def invsound_losses() -> list[Part]:
    return [Part("ddsp", "invsound_ddsp.loss:DDSPLoss", "spectral loss: squared distance between features, taken through the synth")]
