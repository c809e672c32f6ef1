"""What the header of a sound file promises, against the bytes that are there."""

from __future__ import annotations

import io
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ..errors import UsageError

SLACK = 128  # bytes: a header that promises so little too much was written by a careless program, and all is there
UNKNOWN = 2**16  # bytes: a length so little below 2³¹ or 2³² was written before the length was known


class Layout(NamedTuple):
    """Chunks: where the first begins; the length of a name; the format of a size, and what it counts of the chunk's head; what chunks
    are rounded up to; the name of that with the samples, and how far into it they begin."""

    first: int
    name: int
    format: str
    counted: int
    even: int
    samples: bytes
    skip: int


LAYOUTS = {
    b"RIFF": Layout(12, 4, "<I", 0, 2, b"data", 0),
    b"RF64": Layout(12, 4, "<I", 0, 2, b"data", 0),
    b"BW64": Layout(12, 4, "<I", 0, 2, b"data", 0),
    b"RIFX": Layout(12, 4, ">I", 0, 2, b"data", 0),
    b"AIFF": Layout(12, 4, ">I", 0, 2, b"SSND", 8),
    b"AIFC": Layout(12, 4, ">I", 0, 2, b"SSND", 8),
    b"8SVX": Layout(12, 4, ">I", 0, 2, b"BODY", 0),
    b"16SV": Layout(12, 4, ">I", 0, 2, b"BODY", 0),
    b"caff": Layout(8, 4, ">q", 0, 1, b"data", 4),
    b"riff": Layout(40, 16, "<q", 24, 8, b"data", 0),  # W64
}


class Payload(NamedTuple):
    """The bytes of samples that are `present`, and those `promised`; where, how, and with what else the header says so."""

    present: int
    promised: int
    field: int
    format: str
    beside: int = 0

    @property
    def missing(self) -> int:
        return self.promised - self.present

    @property
    def unfinished(self) -> bool:
        """Whether the length was never written, as when what recorded was killed, or wrote into a pipe."""
        unknown = self.promised >= 2**62 or any(0 <= n - self.promised <= UNKNOWN for n in (2**31, 2**32))
        return self.present > 0 and (self.promised <= 0 or (unknown and self.missing > 0))

    @property
    def correction(self) -> tuple[int, bytes]:
        """The field as it should be, or as long as it can be: position and bytes."""
        most = 2**32 - 1 if struct.calcsize(self.format) == 4 else 2**63 - 1
        return self.field, struct.pack(self.format, min(self.present + self.beside, most))


class Corrected(io.FileIO):
    """A file of which a few bytes at one position read otherwise."""

    def __init__(self, path: Path, position: int, data: bytes) -> None:
        super().__init__(path)
        self.position, self.data = position, data

    def readinto(self, buffer: Any) -> int:
        start = self.tell()
        n = super().readinto(buffer) or 0
        first, last = max(start, self.position), min(start + n, self.position + len(self.data))
        if first < last:
            buffer[first - start : last - start] = self.data[first - self.position : last - self.position]
        return n


class Examined(NamedTuple):
    """What in a header must be corrected for libsndfile to find all samples; `notes` about it; whether an MP3 `counts` its frames."""

    correction: tuple[int, bytes] | None
    notes: list[str]
    counts: bool


def examine(path: Path) -> Examined:
    """Raises OSError, and UsageError if a file ends before its header, or the last page of an Ogg, says it does."""
    with path.open("rb") as file:
        found, mp3, size = payload(file), _xing(file), os.fstat(file.fileno()).st_size
        whole = _ogg_is_whole(file) and (mp3 is None or size >= mp3 - SLACK)
    unfinished = found is not None and found.unfinished
    if not whole or (found and not unfinished and found.missing > min(SLACK, found.promised // 4)):
        raise truncated(path)
    if found and unfinished:
        notes = ["its header was never finished and does not say how long it is: taken to the end of the file"]
    else:
        notes = (
            [f"its header says {found.missing} bytes more than there are: taken to the end of the file"]
            if found and found.missing > 0
            else []
        )
    return Examined(found.correction if found and notes else None, notes, mp3 is not None)


def truncated(name: Path | str) -> UsageError:
    return UsageError(f"{name} is truncated: it ends before its header says it does. Copy or export it again.")


def payload(file: BinaryIO) -> Payload | None:
    """The samples of a WAV (RIFF, RIFX, RF64, BW64), W64, AIFF, AIFC, 8SVX, CAF, AU or NIST; None of any other file."""
    head, size = _at(file, 0, 1024), os.fstat(file.fileno()).st_size
    if head[:4] in (b".snd", b"dns.") and len(head) >= 12:
        format = ">I" if head[:4] == b".snd" else "<I"
        start, promised = _unpack(format, head[4:]), _unpack(format, head[8:])
        return Payload(max(0, size - start), promised, 8, format)
    if head[:7] == b"NIST_1A":
        counts = [re.search(rb"\b%s -\S+ (\d+)" % key, head) for key in (b"sample_count", b"channel_count", b"sample_n_bytes")]
        frames, channels, width = (int(found[1]) if found else 0 for found in counts)
        return Payload(size - 1024, frames * channels * width, 0, "<I") if frames * channels * width else None
    layout = LAYOUTS.get(head[8:12] if head[:4] == b"FORM" else head[:4])
    return _in_chunks(file, size, layout) if layout else None


def _in_chunks(file: BinaryIO, size: int, layout: Layout) -> Payload | None:
    long: int | None = None
    for name, begin, length in _chunks(file, size, layout, layout.first):
        field, beside = begin - struct.calcsize(layout.format), layout.skip + layout.counted
        if name == b"ds64":
            long = begin + 8
        if name != layout.samples:
            continue
        found = Payload(max(0, size - begin - layout.skip), length - layout.skip, field, layout.format, beside)
        if long and length == 2**32 - 1:
            found = found._replace(promised=_unpack("<Q", _at(file, long, 8)), field=long, format="<Q")
        # other chunks may follow an empty one: then it is empty indeed
        *_, (_, last, rest) = [(b"", 0, 0), *_chunks(file, size, layout, begin + layout.skip)]
        empty = found.promised <= 0 and abs(last + rest - size) <= 1
        return found._replace(present=0) if empty else found
    return None


def _chunks(file: BinaryIO, size: int, layout: Layout, at: int) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk, where its content begins, and its length, as long as names can be read."""
    head = layout.name + struct.calcsize(layout.format)
    while at + head <= size:
        name, length = _at(file, at, 4), _unpack(layout.format, _at(file, at + layout.name, 8)) - layout.counted
        if not re.fullmatch(rb"[ -~]{4}", name):
            return
        yield name, at + head, length
        at += head + -(-max(0, length) // layout.even) * layout.even


def _ogg_is_whole(file: BinaryIO) -> bool:
    """Whether the last page of an Ogg is whole and says it is the last; True of any other file."""
    if _at(file, 0, 4) != b"OggS":
        return True
    tail = _at(file, max(0, os.fstat(file.fileno()).st_size - 2**17), 2**17)
    page = tail[tail.rfind(b"OggS") :].ljust(27, b"\0")
    table = page[27 : 27 + page[26]]
    return bool(page[5] & 4) and len(page) >= 27 + page[26] + sum(table)


def _xing(file: BinaryIO) -> int | None:
    """Where an MP3 ends, if its first frame (Xing, Info) says so; None if not, and of any other file."""
    tag = _at(file, 0, 10).ljust(10, b"\0")
    start = 10 + sum(byte << 7 * k for k, byte in enumerate(tag[:5:-1])) if tag[:3] == b"ID3" else 0
    found = re.match(rb"\xff[\xe0-\xff].{2,64}?(?:Xing|Info)\0\0\0(.)(.{8})", _at(file, start, 256), re.DOTALL)
    return start + _unpack(">I", found[2][4:]) if found and found[1][0] & 3 == 3 else None


def _at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)


def _unpack(format: str, data: bytes) -> int:
    count = struct.calcsize(format)
    return int(struct.unpack(format, data[:count].ljust(count, b"\0"))[0])
