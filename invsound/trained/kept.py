"""The folder of a trained encoder: its weights, what they are the weights of, and a card that says how good they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..encoder import Encoder
from ..errors import InvsoundError, UsageError
from ..hooks import options, registry
from ..pages import record
from ..problem import ProblemOptions
from ..runs import config as configs
from ..runs.config import Config
from ..runs.folder import load_encoder
from ..runs.inputs import Inputs
from ..runs.stages import Data, Evaluate, Train
from ..space import SpaceOptions
from ..system import reading

MADE_OF, CARD, README = "trained.yaml", "card.json", "README.md"
KINDS = ("synth", "encoder")
SHAPE = {
    "name": reading.text,
    "training": {...: reading.anything},
    "sound_count": reading.count,
    "scores": {...: {"trained": record.AVERAGES, ...: record.AVERAGES}},
    "parameters": record.COMPARED["parameters"],
    "versions": {...: reading.text},
}


def found(what: str | Path) -> tuple[Path, str]:
    """The folder and the name of a trained encoder. Raises UsageError if there is none."""
    text = str(what)
    if isinstance(what, str) and any(offer.goes_by(text) for offer in registry.offers("pretrained")):
        return Path(registry.load(registry.find("pretrained", text))), text
    if any(os.path.isfile(Path(text) / name) for name in (MADE_OF, "config.yaml")):
        return Path(text), Path(text).resolve().name
    near = registry.suggestion(text, registry.offers("pretrained"))
    raise UsageError(
        f"{text!r} is no trained encoder, and no run folder: it has no config.yaml.{near} "
        f"Installed: {registry.listing('pretrained')} Or give the folder that `invsound run` or `invsound export` wrote."
    )


def config(folder: Path) -> Config:
    """What the weights are of: a Config of which the synth, the encoder and the space count. Raises UsageError where it is damaged."""
    path = folder / MADE_OF
    path = path if path.exists() else folder / "config.yaml"
    given = options.from_file(path)
    try:
        names = options.group(given, "parts")
        parts = {kind: configs.chosen(kind, names.get(kind)) for kind in KINDS}
        of = {kind: configs.of_part(kind, name, options.group(given, kind)) for kind, name in parts.items()}
        space = options.resolve(SpaceOptions, options.group(given, "space"), "space")
    except UsageError as error:
        raise UsageError(f"{str(path)!r}: {error}") from error
    return Config(parts, of, space, ProblemOptions(), Data(), Train(), Evaluate(), seed=0)


def weights(folder: Path, encoder: Encoder) -> Encoder:
    """`encoder` with the weights that were kept. Raises InvsoundError where they are missing, damaged, or do not fit."""
    exported = (folder / MADE_OF).exists()
    return load_encoder(folder, encoder, MADE_OF, _again(folder)) if exported else load_encoder(folder, encoder)


def _again(folder: Path) -> str:
    return f"Export the run again by: invsound export RUN {folder}"


def card(folder: Path) -> dict[str, Any]:
    """card.json, or of a run what its card would be."""
    if not (folder / CARD).exists() and (folder / "config.yaml").exists():
        return of_run(folder)
    try:
        found: dict[str, Any] = reading.read_json(folder / CARD, SHAPE)
    except reading.Damaged as error:
        raise InvsoundError(f"{error} {_again(folder)}") from error
    return found


def of_run(run: Path) -> dict[str, Any]:
    """The card of a finished run. Raises InvsoundError where it is not finished."""
    config, scores, environment = configs.load(run / "config.yaml"), record.scores(run, record.COMPARED), record.environment(run)
    loss = options.resolve(registry.load(registry.find("loss", config.parts["loss"])).Options, config.of["loss"], "loss")
    spent = {stage: seconds for stage, seconds in record.seconds(run).items() if stage != "evaluation"}
    training = {
        "parts": config.parts, "sounds": config.data.train, "design": config.data.design, "fresh": config.data.fresh,
        "augment": config.data.augment, "epochs": config.train.epochs, "loss": options.unusual(loss),
        "recorded": "sounds" in Inputs(run).kept.get("table", {}), "further": config.train.start is not None,
        "examples": config.train.examples, "seed": config.seed, "seconds": spent,
    }  # fmt: skip
    versions = {key: str(environment[key]) for key in ("invsound", "torch", "python") if key in environment}
    plugins = {offer.distribution for kind in KINDS for offer in [registry.find(kind, config.parts[kind])]}
    versions |= {name: str(version) for name, version in environment.get("plugins", {}).items() if name in plugins}
    told = {key: scores[key] for key in ("sound_count", "scores", "parameters")}
    return {"name": run.resolve().name, "training": training, **told, "versions": versions}
