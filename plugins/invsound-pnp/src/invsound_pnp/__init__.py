"""invsound-pnp: the perceptual–neural–physical loss."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_losses() -> list[Part]:
    return [Part("pnp", "invsound_pnp.loss:PNP", "perceptual–neural–physical loss: the damped quadratic form of M = JᵀJ")]
