"""What a run reads from outside its folder: its table and its recordings, each kept beside it with its origin and a digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
from torch import Tensor

from ..audio import recording as recordings
from ..audio import written
from ..audio.recording import Recording
from ..errors import UsageError
from ..synth import Synth
from ..system import progress, reading
from ..system.files import atomic, safe_name, write_json
from ..system.tensors import as_bytes

FILE, TABLE = "inputs.json", "table.csv"
SHAPE = {
    "table?": {"origin": reading.text, "sha256": reading.text, "sounds?": reading.text},
    "recordings?": [
        {"origin": reading.text, "name": reading.text, "sha256": reading.text, "notes": [reading.text], "made_for": {...: reading.anything}}
    ],
}


@dataclass(frozen=True)
class Heard:
    """A recording as the run hears it, and the name that its sounds have in the folder `audio`."""

    name: str
    recording: Recording


class Inputs:
    """What the folder of a run has kept. A copy that is whole is read instead of its origin, which may have moved or changed.

    Nothing is read outside the folder without a word in the log.
    """

    def __init__(self, folder: Path | None, anew: Iterable[str] = ()) -> None:
        """No folder has kept nothing; the origins `anew` are read again."""
        self.folder, self.anew = folder, set(anew)
        self.kept: dict[str, Any] = _listed(folder / FILE) if folder is not None and os.path.lexists(folder / FILE) else {}

    @property
    def origins(self) -> list[str]:
        """The recordings that were kept, in order."""
        return [entry["origin"] for entry in self.kept.get("recordings", [])]

    def table(self, origin: str) -> Path:
        """Where the table that came from `origin` is read. Raises UsageError if its copy is damaged and it is not there, or has changed."""
        entry = self.kept.get("table", {})
        if self.folder is None or entry.get("origin") != origin or origin in self.anew:
            progress.log.info("Reading the table %s", origin)
            return Path(origin)
        copy = self.folder / TABLE
        if _digest(copy) == entry["sha256"]:
            return copy
        if _digest(Path(origin)) == entry["sha256"]:
            progress.log.warning("%s is missing or damaged. Reading the table %s", copy, origin)
            return Path(origin)
        raise UsageError(
            f"The copy {str(copy)!r} of the table {origin!r} is missing or damaged, and the table is gone or has changed. "
            f"Bring one of them back, or begin a new run with data.csv={origin}."
        )

    def check_sounds(self, sounds: str, origin: str) -> None:
        """Raises UsageError where the recordings of the table that came from `origin` do not have the digest with which the run began."""
        entry = self.kept.get("table", {})
        if entry.get("origin") == origin and origin not in self.anew and entry.get("sounds", sounds) != sounds:
            raise UsageError(
                f"The recordings of the table {origin!r} have changed since the run began. "
                f"Bring them back, or begin a new run with data.csv={origin}."
            )

    def heard(self, synth: Synth, origins: Iterable[str]) -> list[Heard]:
        """Recordings made into the synth's signal, each origin once. Raises UsageError for one that is neither kept nor can be read."""
        entries = {entry["origin"]: entry for entry in self.kept.get("recordings", [])}
        found, used = [], {entry["name"] for entry in entries.values()}
        for origin in dict.fromkeys(origins):
            entry = entries.get(origin)
            name = entry["name"] if entry else _name(Path(origin), used)
            used.add(name)
            known = self._kept(synth, entry) if entry and origin not in self.anew else None
            if known is None:
                progress.log.info("Reading the recording %s", origin)
            found.append(Heard(name, known or recordings.tell(recordings.load_for(synth, origin))))
        return found

    def _kept(self, synth: Synth, entry: dict[str, Any]) -> Recording | None:
        import torch

        assert self.folder is not None
        path = target(self.folder, entry["name"])
        if entry["made_for"] != _made_for(synth) or _digest(path) != entry["sha256"]:
            return None
        try:
            x, _ = soundfile.read(path, dtype="float32")
        except (OSError, TypeError, soundfile.SoundFileError):
            return None
        return Recording(torch.from_numpy(x), Path(entry["origin"]), entry["notes"]) if x.shape == (synth.signal.num_samples,) else None


def keep(folder: Path, synth: Synth, table: tuple[str, Path] | None, heard: list[Heard], sounds: str = "") -> None:
    """Write what the run has read, and `inputs.json`, into its folder; `table` is its origin, and where it was read.

    Of the table's own recordings, which stay where they are, there is a digest, `sounds`.
    """
    listed: dict[str, Any] = {}
    if table is not None:
        with atomic(folder / TABLE) as temporary:
            temporary.write_bytes(table[1].read_bytes())
        listed["table"] = {"origin": table[0], "sha256": _digest(folder / TABLE)} | ({"sounds": sounds} if sounds else {})
    for one in heard:
        path = written.save(target(folder, one.name), one.recording.x, synth.signal.sample_rate)
        entry = {"origin": str(one.recording.path), "name": one.name, "sha256": _digest(path), "made_for": _made_for(synth)}
        listed.setdefault("recordings", []).append(entry | {"notes": one.recording.notes})
    if listed:
        write_json(folder / FILE, listed)


def target(folder: Path, name: str) -> Path:
    """The sound of a recording as the run heard it."""
    return folder / "audio" / f"{name}-target.wav"


def _made_for(synth: Synth) -> dict[str, Any]:
    """What a recording is cut, resampled and scaled to."""
    return {"sample_rate": synth.signal.sample_rate, "num_samples": synth.signal.num_samples, "peak": synth.peak, "lead": synth.lead}


def _listed(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = reading.read_json(path, SHAPE)
        if wrong := [entry["name"] for entry in found.get("recordings", []) if safe_name(entry["name"]) != entry["name"]]:
            raise reading.Damaged(path, f"{wrong[0]!r} is no name of a sound")
    except reading.Damaged as error:
        progress.log.warning("%s What the run has read is looked for where it came from.", error)
        return {}
    return found


def digest(x: Tensor) -> str:
    """sha256 of sounds, hexadecimal."""
    return hashlib.sha256(as_bytes(x)).hexdigest()


def _digest(path: Path) -> str:
    """sha256, hexadecimal; nothing of what is no regular file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    except OSError:
        return ""


def _name(path: Path, used: set[str]) -> str:
    """A safe file stem that no other sound has."""
    stem = safe_name(path.stem)[:60] or "sound"
    stem = f"recording-{stem}" if stem.startswith("test-") else stem  # test-00, … are the test sounds
    return next(n for n in (stem, *(f"{stem}-{i}" for i in range(2, 10**6))) if n not in used)
