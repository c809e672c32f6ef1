"""A voice on disk: `FILE.syx`, or `FILE.syx:NUMBER` of a bank."""

from __future__ import annotations

from pathlib import Path

from . import syx


def located(preset: str) -> tuple[Path, int]:
    """File and number of `FILE.syx:NUMBER`. Raises ValueError for no number."""
    name, colon, number = preset.rpartition(":") if ":" in preset.rpartition("/")[2] else (preset, "", "1")
    if not number.isdigit() or not 1 <= int(number) <= 10**6:
        raise ValueError(f"a preset is FILE.syx or FILE.syx:NUMBER, from 1, got {preset!r}")
    return Path(name).expanduser().resolve(), int(number)


def chosen(preset: str) -> bytes:
    """155 bytes of a preset. Raises ValueError where there is none."""
    path, number = located(preset)
    try:
        voices = syx.read(path)
    except ValueError as error:
        raise ValueError(f"preset: {error}") from None
    if number > len(voices):
        raise ValueError(f"{str(path)!r} has {len(voices)} voice{'s' * (len(voices) > 1)}, got number {number}")
    return voices[number - 1]
