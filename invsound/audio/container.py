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
from . import mpeg

SLACK = 128  # bytes: a header that promises so little too much was written by a careless program, and all is there
UNKNOWN = 2**16  # bytes: a length so little below 2³¹ or 2³² was written before the length was known

TAKEN = "taken to the end of the file"


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

    def corrected(self, file: BinaryIO) -> tuple[bytes, int]:
        """The file up to and with the field as it should be, or as long as it can be, and where it goes on."""
        size = struct.calcsize(self.format)
        length = min(self.present + self.beside, 2**32 - 1 if size == 4 else 2**63 - 1)
        return _at(file, 0, self.field) + struct.pack(self.format, length), self.field + size


class Spliced(io.RawIOBase):
    """A file with another beginning: `head`, then what is in the file from position `resume` on."""

    def __init__(self, path: Path, head: bytes, resume: int) -> None:
        self.file, self.head, self.resume, self.position = path.open("rb"), head, resume, 0

    def close(self) -> None:
        self.file.close()
        super().close()

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = 0) -> int:
        size = len(self.head) + os.fstat(self.file.fileno()).st_size - self.resume
        self.position = max(0, offset + (0, self.position, size)[whence])
        return self.position

    def readinto(self, buffer: Any) -> int:
        data = self.head[self.position : self.position + len(buffer)]
        if len(data) < len(buffer):
            data += _at(self.file, self.position + len(data) - len(self.head) + self.resume, len(buffer) - len(data))
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)


class Examined(NamedTuple):
    """The beginning with which libsndfile finds all samples, if not the file's own; `notes` about it; whether it is an endless MP3's."""

    splice: tuple[bytes, int] | None
    notes: list[str]
    endless: bool


def examine(path: Path) -> Examined:
    """Raises OSError, and UsageError if a file ends before its header, or the last page of an Ogg, says it does."""
    with path.open("rb") as file:
        found, size = payload(file), os.fstat(file.fileno()).st_size
        start = mpeg.tag_length(_at(file, 0, 10))
        frame = _at(file, start, 256)
        counted = mpeg.counted_bytes(frame)
        unfinished = found is not None and found.unfinished
        cut = found is not None and not unfinished and found.missing > min(SLACK, found.promised // 4)
        if cut or not _ogg_is_whole(file) or (counted and size - start < counted - SLACK):
            raise truncated(path)
        if found and unfinished:
            return Examined(found.corrected(file), [f"its header was never finished and does not say how long it is: {TAKEN}"], False)
        if found and found.missing > 0:
            return Examined(found.corrected(file), [f"its header says {found.missing} bytes more than there are: {TAKEN}"], False)
    endless = mpeg.is_frame(frame) and counted is None
    return Examined((mpeg.endless_frame(frame), start) if endless else None, [], endless)


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


def _at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)


def _unpack(format: str, data: bytes) -> int:
    count = struct.calcsize(format)
    return int(struct.unpack(format, data[:count].ljust(count, b"\0"))[0])
