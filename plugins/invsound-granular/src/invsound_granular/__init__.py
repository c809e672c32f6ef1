"""Granular texture for invsound. This hook module lists parts, and imports no torch."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_synths() -> list[Part]:
    return [Part("granular", "invsound_granular.granular:Granular", "texture of chirping grains: density and slope")]
