"""Files that a DX7 sends and receives: a single voice of 163 bytes, a bank of 32 voices of 4104 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import voice

START, END = 0xF0, 0xF7
YAMAHA = 0x43
SINGLE, BANK = bytes([0x00, 0x01, 0x1B]), bytes([0x09, 0x20, 0x00])
"""Format, and the count of bytes in two times seven bits: 155 and 4096."""
VOICES = 32


def checksum(data: bytes) -> int:
    """With it, the sum of all is a multiple of 128."""
    return -sum(data) & 0x7F


def message(kind: bytes, data: bytes) -> bytes:
    """A system-exclusive message for channel 1."""
    return bytes([START, YAMAHA, 0x00]) + kind + data + bytes([checksum(data), END])


def single(one: bytes) -> bytes:
    """163 bytes of a voice."""
    return message(SINGLE, one)


def bank(voices: Sequence[bytes]) -> bytes:
    """4104 bytes of up to 32 voices; INIT VOICE in the places that are left. Raises ValueError for more."""
    if len(voices) > VOICES:
        raise ValueError(f"a bank has {VOICES} voices, got {len(voices)}")
    filled = [*voices, *[voice.encoded({}, "INIT VOICE")] * (VOICES - len(voices))]
    return message(BANK, b"".join(map(packed, filled)))


def read(path: Path) -> list[bytes]:
    """The voices of a file, 155 bytes each, of all its messages. Raises ValueError where there is none, or one is damaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
    found: list[bytes] = []
    for piece in content.split(bytes([START]))[1:]:
        if len(piece) == 162 and piece[2:5] == SINGLE:
            found += [_whole(path, piece)]
        elif len(piece) == 4103 and piece[2:5] == BANK:
            data = _whole(path, piece)
            found += [unpacked(data[128 * k : 128 * (k + 1)]) for k in range(VOICES)]
    if not found:
        raise ValueError(f"{str(path)!r} holds no DX7 voice: a voice is a message of 163 bytes, a bank one of 4104; it has {len(content)}")
    return found


def _whole(path: Path, piece: bytes) -> bytes:
    data = piece[5:-2]
    if piece[0] != YAMAHA or piece[-1] != END or checksum(data) != piece[-2]:
        raise ValueError(f"{str(path)!r} is damaged: its checksum is {piece[-2]}, and should be {checksum(data)}")
    return data


# byte of 17 ← (byte of 21, bits, shift) of an operator; and of the rest, 128 ← 155
_OPERATOR = [[(k, 7, 0)] for k in range(11)] + [
    [(11, 2, 0), (12, 2, 2)], [(13, 3, 0), (20, 4, 3)], [(14, 2, 0), (15, 3, 2)], [(16, 7, 0)], [(17, 1, 0), (18, 5, 1)], [(19, 7, 0)],
]  # fmt: skip
_PACKING = [[(21 * op + k, bits, shift) for k, bits, shift in byte] for op in range(6) for byte in _OPERATOR]
_PACKING += [[(126 + k, 7, 0)] for k in range(8)] + [[(134, 5, 0)], [(135, 3, 0), (136, 1, 3)]]
_PACKING += [[(137 + k, 7, 0)] for k in range(4)] + [[(141, 1, 0), (142, 3, 1), (143, 3, 4)]] + [[(144 + k, 7, 0)] for k in range(11)]


def packed(one: bytes) -> bytes:
    """128 bytes of the 155 of a voice, as a bank has them."""
    return bytes(sum((one[k] & (1 << bits) - 1) << shift for k, bits, shift in byte) for byte in _PACKING)


def unpacked(few: bytes) -> bytes:
    """155 bytes of 128."""
    one = bytearray(voice.SIZE)
    for value, byte in zip(few, _PACKING, strict=True):
        for k, bits, shift in byte:
            one[k] = value >> shift & (1 << bits) - 1
    return bytes(one)
