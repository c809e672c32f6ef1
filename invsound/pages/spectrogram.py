"""Log-frequency spectrograms as pictures."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from markupsafe import Markup

from .charts import Axes, Scale

WINDOW, ROWS, COLUMNS, DECIBELS = 2048, 160, 400, 80.0
INK = ["#f4f1e8", "#d3dbcf", "#93b4b8", "#4c7f9e", "#24477a", "#101b3c"]  # from silence, the colour of paper, to the peak


def lowest(sample_rate: float) -> float:
    """The frequency in Hz at the foot of a spectrogram."""
    return min(40.0, sample_rate / 64)


def spectrogram(x: np.ndarray, sample_rate: float) -> np.ndarray:
    """Power [160, ≤ 400] of x [N] under a Hann window of 2048 samples; rows spaced in octaves up to sample_rate/2, lowest first."""
    centres = np.linspace(0, len(x), min(COLUMNS, len(x)), endpoint=False).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, WINDOW // 2, mode="reflect"), WINDOW)[centres]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), 2 * WINDOW)) ** 2
    bins = np.geomspace(lowest(sample_rate), sample_rate / 2, ROWS) / sample_rate * 2 * WINDOW
    below = np.minimum(bins.astype(int), WINDOW - 1)
    picture: np.ndarray = power[:, below] + (bins - below) * (power[:, below + 1] - power[:, below])
    # where rows are further apart than bins, a row shows the loudest bin it covers, or a partial could fall between two rows
    for row in np.flatnonzero(np.diff(bins, append=bins[-1]) > 1):
        picture[:, row] = power[:, below[row] : below[min(row + 1, ROWS - 1)] + 1].max(1)
    return picture.T


def png(pixels: np.ndarray, colours: list[str]) -> bytes:
    """An indexed PNG of `pixels` [height, width] in 0…255, over a palette that passes evenly through `colours` ("#rrggbb")."""
    anchors = np.array([[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in colours])
    steps = np.linspace(0, len(colours) - 1, 256)
    palette = np.stack([np.interp(steps, range(len(colours)), channel) for channel in anchors.T], 1).round().astype(np.uint8)
    rows = np.pad(pixels.astype(np.uint8), ((0, 0), (1, 0)))  # each row begins with its filter type, 0

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", pixels.shape[1], pixels.shape[0], 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", palette.tobytes()), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)


def spectrogram_chart(power: np.ndarray, reference: float, sample_rate: float, seconds: float, alt: str) -> Markup:
    """`power`, as `spectrogram` gives it, over time and frequency: 80 dB down from `reference`."""
    level = 10 * np.log10(np.maximum(power / max(reference, 1e-30), 10 ** (-DECIBELS / 10)))
    pixels = np.clip(np.round((1 + level / DECIBELS) * 255), 0, 255)
    picture = "data:image/png;base64," + base64.b64encode(png(pixels[::-1], INK)).decode()
    x, y = Scale(0, seconds, "time (s)"), Scale(lowest(sample_rate), sample_rate / 2, "frequency (Hz)", log=True)
    return Axes(x, y, 440, 250).image(picture).svg(alt)
