"""The first frame of an MP3, which says how long it is, if it does (Xing, Info)."""

from __future__ import annotations

import re

ENDLESS = 2**20  # frames, more than five hours


def tag_length(head: bytes) -> int:
    """The bytes of an ID3v2 tag before the sound, from the first ten bytes of the file."""
    return 10 + sum(byte << 7 * k for k, byte in enumerate(head[9:5:-1])) if head[:3] == b"ID3" and len(head) >= 10 else 0


def is_frame(head: bytes) -> bool:
    """Whether a frame of layer III begins here: sync, a version, the layer, a rate."""
    return len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[1] >> 3 & 3 != 1 and head[2] >> 2 & 3 != 3


def counted_bytes(frame: bytes) -> int | None:
    """How many bytes the first frame says there are, itself included; None if it does not say."""
    found = re.match(rb"....{2,64}?(?:Xing|Info)\0\0\0(.)(.{8})", frame, re.DOTALL) if is_frame(frame) else None
    return int.from_bytes(found[2][4:], "big") if found and found[1][0] & 3 == 3 else None


def endless_frame(like: bytes) -> bytes:
    """A first frame that says the sound is very long, so that it is read to its end: without one, its length is guessed from the bitrate
    at its start, and what is beyond is lost."""
    version, mono = like[1] >> 3 & 3, like[3] >> 6 == 3
    rate = (44100, 48000, 32000)[like[2] >> 2 & 3] >> {3: 0, 2: 1, 0: 2}[version]
    bitrate, length, side = (9, 144 * 128000 // rate, 17 if mono else 32) if version == 3 else (8, 72 * 64000 // rate, 9 if mono else 17)
    head = bytes([0xFF, like[1] | 1, bitrate << 4 | like[2] & 0x0C, like[3]]) + bytes(side)
    return (head + b"Xing" + (1).to_bytes(4, "big") + ENDLESS.to_bytes(4, "big")).ljust(length, b"\0")
