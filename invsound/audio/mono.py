"""A source made mono: its channels averaged, unless they cancel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .source import Source

CANCEL = 0.02  # of the power that the average of independent channels would have: −17 dB, for two channels −20 dB below each
SEARCH = 60.0  # seconds from the first audible sound, that decide, however long the file is
AUDIBLE = 1e-3  # RMS, −60 dBFS: a hiss below it is not yet the sound
CONSTANT = 1e-3  # of the peak, −60 dB: an offset below it is left
SEGMENT = 0.1  # seconds


class Mono:
    """The average over channels; or the loudest channel, if the average is but a remnant of it. `notes` say which."""

    def __init__(self, source: Source) -> None:
        self.source, self.channel = source, None
        self.notes: list[str] = []
        if source.channels > 1:
            power, mixed = self._powers()
            if mixed * source.channels < CANCEL * power.mean():
                self.channel = int(power.argmax())
                which = "1 and 2 cancel" if source.channels == 2 else f"1 to {source.channels} cancel"
                self.notes = [f"channels {which} each other (opposite polarity?): channel {self.channel + 1} is used alone"]
            else:
                self.notes = [f"{source.channels} channels averaged to mono"]

    def blocks(self, frames: int) -> Iterator[np.ndarray]:
        """All of it from the start, `frames` at a time; float64, so that no sum overflows."""
        position = 0
        for block in self.source.blocks(frames):
            yield self._mix(block, position)
            position += len(block)

    def read(self, start: int, frames: int) -> np.ndarray:
        """Frames from `start` on, as many as there are; read from the beginning, because not every decoder can begin elsewhere."""
        kept, position = [np.zeros(0)], 0
        for block in self.source.blocks(self.source.block):
            part = block[max(0, start - position) : max(0, start + frames - position)]
            kept.append(self._mix(part, max(start, position)))
            position += len(block)
            if position >= start + frames:
                break
        return np.concatenate(kept)

    def _mix(self, block: np.ndarray, start: int) -> np.ndarray:
        block = self.source.finite(block, start)
        return np.asarray(block.mean(1) if self.channel is None else block[:, self.channel])

    @np.errstate(invalid="ignore", over="ignore")
    def _powers(self) -> tuple[np.ndarray, float]:
        """The energy of each channel, and of their average, in the first minute of sound."""
        power, mixed, seconds = np.zeros(self.source.channels), 0.0, 0.0
        for block in self.source.blocks(self.source.block):
            block = block - block.mean(0)
            power, mixed = power + (block**2).sum(0), mixed + float((block.mean(1) ** 2).sum())
            if seconds or block.std() > AUDIBLE:
                seconds += len(block) / self.source.sample_rate
            if seconds > SEARCH:
                break
        return power, mixed


def constant_part(x: np.ndarray, sample_rate: float) -> float:
    """The offset that x has throughout: the median of its means over 100 ms; 0 if it is slight, or if they differ, as in a drift."""
    n = min(round(SEGMENT * sample_rate), len(x) // 4)
    if n < 8:
        return 0.0
    window = np.hanning(n) / np.hanning(n).sum()
    means = np.lib.stride_tricks.sliding_window_view(x, n)[:: n // 2] @ window
    low, offset, high = np.quantile(means, (0.1, 0.5, 0.9))
    slight = abs(offset) < CONSTANT * np.abs(x - offset).max()
    return 0.0 if slight or abs(offset) < 2 * (high - low) else float(offset)
