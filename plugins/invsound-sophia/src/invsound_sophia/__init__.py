"""invsound-sophia: optimizers whose steps are bounded entry by entry. This hook module lists parts, and imports no torch."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_optimizers() -> list[Part]:
    return [
        Part(
            "sophia", "invsound_sophia.sophia:SophiaG", "Sophia-G: momentum over a sampled Gauss–Newton diagonal, clipped (Liu et al. 2024)"
        ),
        Part("sign_momentum", "invsound_sophia.sign:SignMomentum", "the sign of the mean gradient (Bernstein et al. 2018)"),
    ]
