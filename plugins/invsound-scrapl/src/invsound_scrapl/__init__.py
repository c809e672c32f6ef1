"""SCRAPL for invsound: a loss on random paths, and the encoder of its paper. This hook module lists parts, and imports no torch."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_losses() -> list[Part]:
    return [Part("scrapl", "invsound_scrapl.loss:SCRAPL", "spectral loss on random paths of the feature, drawn by how much M has of each")]


@hookimpl
def invsound_encoders() -> list[Part]:
    return [Part("spectral2dcnn", "invsound_scrapl.encoder:Spectral2DCNN", "five convolutions on a CQT, 128 channels: for long trainings")]
