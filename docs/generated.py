"""What these pages take from the code: options from the dataclasses of whatever is installed, laws from `invsound.testing`."""

import dataclasses
import functools
import re

from invsound import UsageError, testing
from invsound.hooks import bounds, options, registry
from invsound.runs import config

KINDS = {
    "synth": "Synthesizers", "feature": "Representations", "loss": "Losses", "optimizer": "Optimizers",
    "encoder": "Encoders", "solver": "Solvers", "score": "Scores", "logger": "Loggers",
    "executor": "Executors",
}  # fmt: skip


def cell(value: object) -> str:
    """Text as it is in a Markdown table: |x| is a magnitude, * a product; only `code` is marked."""
    pieces = str(value).replace("|", r"\|").split("`")
    pieces[::2] = [re.sub(r"([*_<\[])", r"\\\1", piece) for piece in pieces[::2]]
    return "`".join(pieces)


def takes(cls: type, field: dataclasses.Field) -> str:
    """`int`, 1 to 100."""
    return ", ".join(filter(None, [f"`{options.type_name(field)}`", str(bounds.bounds(cls, field.name))]))


def table(cls: type, prefix: str) -> str:
    """key | type, and the values it takes | default | meaning, one row per field of a dataclass."""
    fields, lines = dataclasses.fields(cls), options.help_lines(cls)
    if not fields:
        return "It has no options.\n"
    cells = [(f"{prefix}.{f.name}", takes(cls, f), bounds.default(f), lines.get(f.name, "")) for f in fields]
    groups = [(key, default) for key, _, default, _ in cells if dataclasses.is_dataclass(default)]
    rows = [
        f"| `{key}` | {cell(kind)} | {cell(f'`{default}`')} | {cell(text)} |"
        for key, kind, default, text in cells
        if not dataclasses.is_dataclass(default)
    ]
    table_of_all = "\n".join(["| key | takes | default | |", "|---|---|---|---|", *rows, ""])
    return "\n".join([table_of_all, *(f"{type(group).__doc__.splitlines()[0]}\n\n{table(type(group), key)}" for key, group in groups)])


def parameters(offer: registry.Offer) -> str:
    """The parameters of a synthesizer as it comes."""
    try:
        space = registry.build("synth", f"{offer.distribution}:{offer.part.name}").space
    except UsageError:
        return "Its parameters are what its options say.\n"
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


def laws(of: list[testing.Law]) -> str:
    """Laws, and how to mend what breaks them."""
    rows = [f"| **{law.name}** | {cell(law.statement)} | {cell(law.mend)} |" for law in of]
    return "\n".join(["| law | | to mend what breaks it |", "|---|---|---|", *rows, ""])


MARKS = {
    "<!-- options of every part -->": parts,
    "<!-- options of every stage -->": stages,
    "<!-- laws of a package -->": functools.partial(laws, testing.PACKAGE_LAWS),
    **{f"<!-- laws of {kind} -->": functools.partial(laws, testing.PART_LAWS[kind]) for kind in registry.KINDS},
}
"""What a page asks for → the Markdown that replaces it when the pages are built."""
