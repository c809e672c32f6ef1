"""The option reference, written from the dataclasses of whatever is installed."""

import dataclasses

from invsound import config, options, registry

KINDS = {
    "synth": "Synthesizers", "feature": "Representations", "loss": "Losses", "optimizer": "Optimizers",
    "encoder": "Encoders", "solver": "Solvers", "score": "Scores",
}  # fmt: skip


def cell(value: object) -> str:
    """Text that may stand in a Markdown table."""
    return str(value).replace("|", r"\|")


def table(cls: type, prefix: str) -> str:
    """key | type | default | meaning, one row per field of a dataclass."""
    fields, lines = dataclasses.fields(cls), options.help_lines(cls)
    if not fields:
        return "It has no options.\n"
    rows = [
        f"| `{prefix}.{f.name}` | `{cell(options.type_name(f))}` | `{cell(options.default(f))}` | {cell(lines.get(f.name, ''))} |" for f in fields
    ]
    return "\n".join(["| key | type | default | |", "|---|---|---|---|", *rows, ""])


def parameters(offer: registry.Offer) -> str:
    """The parameters of a synthesizer as it comes."""
    space = registry.build("synth", f"{offer.distribution}:{offer.part.name}").space
    rows = [f"| `{p.name}` | {p.unit} | {p.low:.6g} – {p.high:.6g} | {p.scale} | {cell(p.doc)} |" for p in space]
    return "\n".join(["| parameter | unit | range | scale | |", "|---|---|---|---|---|", *rows, ""])


def part(offer: registry.Offer) -> str:
    cls = registry.load(offer)
    about = f"(option-{offer.kind}-{offer.part.name})=\n### `{offer.part.name}`\n\n{offer.part.summary}. From `{offer.distribution}`.\n"
    return "\n".join([about, *([parameters(offer)] if offer.kind == "synth" else []), table(cls.Options, offer.kind)])


def parts() -> str:
    """Every installed part, by kind."""
    return "\n".join(f"## {title}\n\n" + "\n".join(map(part, registry.offers(kind))) for kind, title in KINDS.items())


def stages() -> str:
    """The stages of a run."""
    return "\n".join(f"### `{name}`\n\n{(cls.__doc__ or '').splitlines()[0]}\n\n{table(cls, name)}" for name, cls in config.STAGES.items())
