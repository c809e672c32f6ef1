"""Joint time–frequency scattering: a feature and a score named `jtfs`."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_features() -> list[Part]:
    about = "joint time–frequency scattering, log-compressed: for struck sounds, recorded without noise"
    return [Part("jtfs", "invsound_jtfs.jtfs:JTFS", about)]


@hookimpl
def invsound_scores() -> list[Part]:
    return [Part("jtfs", "invsound_jtfs.score:JTFSDistance", "Euclidean distance in joint time–frequency scattering")]
