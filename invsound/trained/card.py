"""The model card of a trained encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .trained import Trained

CARD = """# {name}

A trained encoder for [invsound](https://pypi.org/project/invsound/): given a sound, it says which parameters of the synthesizer `{synth}`
make it, without a search.

```python
import invsound

answer = invsound.load("{load}")("sound.wav")
print(answer)
```

## What it hears

Sounds of {duration:.3g} s at {rate:g} Hz; others are resampled, cut after that, or taken as silent from their end.

{parameters}
The error is the mean absolute one on {count} {heard}, or the share of wrong options; that of the training mean, which hears nothing, stands
beside it.

## How well

{scores}
Distances from these to what is made of the answers, mean over sounds.

## On what it was trained

{training}

## What it cannot

{known} To a recording it gives the nearest answer it knows, without a word of how near that is: hear the reconstruction, or let
`invsound match --encoder` search on from there. It says nothing of what is outside the ranges above.

Versions: {versions}.
"""


def readme(trained: Trained, card: dict[str, Any]) -> str:
    """README.md of an exported encoder."""
    signal, space, training = trained.synth.signal, trained.synth.space, card["training"]
    rows = []
    for p in space:
        error = card["parameters"][p.name]
        errors = [f"{error[who]:.3g}" if who in error else "" for who in ("trained", "training_mean")]
        reach = ", ".join(p.options) if p.options else f"{p.low:.5g} – {p.high:.5g}"
        rows.append([f"`{p.name}`", error["unit"], reach, *errors])
    scores = [[f"{score} {average}", *(f"{row[who][average]:.4g}" for who in ("trained", "untrained", "training_mean"))]
              for score, row in card["scores"].items() for average in row["trained"]]  # fmt: skip
    name = trained.parts.config.parts["synth"]
    heard, known = "test sounds of the synthesizer", f"It knows sounds of `{name}` and no others."
    if training.get("recorded"):
        heard = "recordings that it has not learned from, from the parameters of their table"
        known = f"It knows recordings like those it has heard, as sounds of `{name}`."
    return CARD.format(
        name=card["name"], load=card["name"], heard=heard, known=known, synth=name, duration=signal.duration, rate=signal.sample_rate,
        count=card["sound_count"], parameters=table(["parameter", "unit", "range", "error", "of the training mean"], rows),
        scores=table(["", "this encoder", "untrained", "training mean"], scores), training=_told(trained, training),
        versions=", ".join(f"{name} {version}" for name, version in card["versions"].items()),
    )  # fmt: skip


def _told(trained: Trained, training: dict[str, Any]) -> str:
    parts, sounds = training["parts"], training["sounds"]
    of = "recordings" if training.get("recorded") else "sounds"
    which = f"{sounds:,} {of}" if sounds else f"All training {of}"
    further = ", of an encoder that was trained before" if training.get("further") else ""
    minutes, met = sum(training["seconds"].values()) / 60, training.get("augment")
    anew = ", anew in every epoch" if training.get("recorded") else ", new ones in every epoch"
    more = (anew if training.get("fresh") else "") + (f", augmented by {', '.join(met)}" if met else "")
    loss = " ".join([parts["loss"], *(f"{name}={value}" for name, value in training["loss"].items())])
    return (
        f"{which} of the design `{training['design']}`{more}, {training['epochs']} epochs of the loss `{loss}`{further}, "
        f"optimizer `{parts['optimizer']}`, seed {training['seed']}; {minutes:.0f} minutes. "
        f"Encoder `{parts['encoder']}`, {trained.num_weights:,} weights."
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
