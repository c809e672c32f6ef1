"""What is read of a run folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

import invsound

SOUNDS = 12
"""That are there when a run is opened."""


def setting(path: str) -> dict[str, Any]:
    """The synthesizer and the representation of its config.yaml, with all their options. Raises UsageError for a damaged one."""
    try:
        config = yaml.safe_load(Path(path, "config.yaml").read_text(encoding="utf-8"))
        parts = {kind: str(config["parts"][kind]) for kind in ("synth", "feature")}
        lines = [f"{kind}.{key}={json.dumps(value)}" for kind in parts for key, value in config[kind].items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise invsound.UsageError(f"The config.yaml of {path!r} is damaged or gone. Give a folder that `invsound run` wrote.") from error
    return {**parts, "solver": "", "lines": lines}


def sounds(path: str) -> list[str]:
    """Files of the sounds that it was tried on, recordings first."""
    kept = [file for file in Path(path, "audio").glob("*-target.wav") if file.is_file() and not file.is_symlink()]
    return [str(file) for file in sorted(kept, key=lambda file: (file.name.startswith("test-"), file.name))[:SOUNDS]]
