"""Every format that libsndfile writes is read as from the start to the end; what ends early is refused, what is merely odd is said."""

from __future__ import annotations

import contextlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from invsound.audio.recording import load
from invsound.audio.source import File, Sequential
from invsound.errors import UsageError
from invsound.signal import Signal

RATE = 8000
SIGNAL = Signal(RATE, 4096)
FORMATS = [(f, s) for f in soundfile.available_formats() if f != "RAW" for s in soundfile.available_subtypes(f)]
UNMEASURED = {"IRCAM", "PAF", "PVF", "XI"}  # whose headers do not say how long the file is


def strike(seconds: float = 2.0, start: float = 1.0, rate: int = RATE) -> np.ndarray:
    """Silence, then a decaying sine with some noise in it."""
    t = np.arange(round(rate * seconds)) / rate - start
    noisy = np.sin(2 * np.pi * 300 * t) + 0.1 * np.random.default_rng(0).standard_normal(len(t))
    return np.asarray(0.5 * np.where(t >= 0, np.exp(-8 * np.abs(t)) * noisy, 0.0))


def write(path: Path, format: str, subtype: str, x: np.ndarray, rate: int = RATE) -> Path:
    try:
        soundfile.write(path, x, rate, format=format, subtype=subtype)
    except soundfile.LibsndfileError as error:
        pytest.skip(f"not written here: {error}")
    return path


@pytest.mark.parametrize(("format", "subtype"), FORMATS)
def test_a_load_is_one_sequential_read(tmp_path: Path, format: str, subtype: str) -> None:
    path = write(tmp_path / f"a.{format.lower()}", format, subtype, strike())
    with Sequential(str(path)) as file:
        rate, whole = file.samplerate, file.read(10**6)
    if not len(whole):
        pytest.skip("libsndfile does not read what it wrote")
    assert np.array_equal(np.concatenate(list(File(path).blocks(1000)))[:, 0], whole)
    found = load(path, Signal(rate, 4096), peak=None)
    start = round(found.onset * rate)
    assert start > 0.4 * len(whole)
    expected = np.pad(whole[start:], (0, 4096))[:4096]
    offset = np.median(expected - found.x.numpy())  # eight bits are rounded down
    assert abs(offset) < (0.005 if subtype in ("PCM_S8", "PCM_U8") else 1e-6)
    np.testing.assert_allclose(found.x, expected - offset, atol=1e-6)


@pytest.mark.parametrize(("format", "subtype"), [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("FLAC", "PCM_16"), ("WAV", "PCM_16")])
@pytest.mark.parametrize("seed", range(3))
def test_the_attack_is_where_it_is_whatever_was_read_before(tmp_path: Path, format: str, subtype: str, seed: int) -> None:
    start = 0.5 + np.random.default_rng(seed).uniform()
    path = write(tmp_path / "a", format, subtype, strike(3.0, start, 44100), 44100)
    with Sequential(str(path)) as file:
        whole = file.read(10**6)
    decoded = write(tmp_path / "a.wav", "WAV", "DOUBLE", whole, 44100)
    signal = Signal(22050, 22050)
    assert np.array_equal(load(path, signal).x, load(decoded, signal).x)


@pytest.mark.parametrize(("format", "subtype"), [fs for fs in FORMATS if fs[0] not in UNMEASURED])
def test_a_cut_file_is_refused(tmp_path: Path, format: str, subtype: str) -> None:
    # the sound stands at the start: what is cut off is not needed
    whole = write(tmp_path / "whole", format, subtype, strike(4.0, 0.0)).read_bytes()
    path = tmp_path / f"a.{format.lower()}"
    path.write_bytes(whole)
    try:
        load(path, SIGNAL)
    except UsageError:
        pytest.skip("libsndfile does not read what it wrote")
    path.write_bytes(whole[: round(0.4 * len(whole))])
    unreadable = format in ("HTK", "SD2") or (format, subtype) == ("VOC", "PCM_U8")
    with pytest.raises(UsageError, match="truncated|not a sound file, or is damaged" if unreadable else "is truncated"):
        load(path, SIGNAL)


ID3 = b"ID3\x03\x00\x00\x00\x00\x02\x00" + bytes(256)


def test_an_mp3_that_is_cut_is_refused_whatever_its_tags(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", "MP3", "MPEG_LAYER_III", strike(3.0, 0.1, 44100), 44100)
    whole = ID3 + path.read_bytes()
    path.write_bytes(whole)
    assert "cropped 2.91 s to 0.51 s" in load(path, SIGNAL).notes
    path.write_bytes(whole[: round(0.4 * len(whole))])
    with pytest.raises(UsageError, match="truncated"):
        load(path, SIGNAL)


@pytest.mark.parametrize("tag", [b"", ID3])
@pytest.mark.parametrize("first", ["loud", "silent"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_an_mp3_without_its_first_frame_is_read_to_its_end(tmp_path: Path, rate: int, channels: int, first: str, tag: bytes) -> None:
    # its bitrate varies: a length guessed from its start would be a fifth of it, or twice as much
    x = np.concatenate([0.3 * np.random.default_rng(0).standard_normal((2 * rate, channels)), np.zeros((2 * rate, channels))])
    path = write(tmp_path / "a.mp3", "MP3", "MPEG_LAYER_III", x[:: 1 if first == "loud" else -1], rate)
    whole = path.read_bytes()
    expected = np.concatenate(list(File(path).blocks(10000)))
    path.write_bytes(tag + whole[whole.index(whole[:2], 4) :])
    source = File(path)
    heard = np.concatenate(list(source.blocks(10000)))
    assert len(heard) == source.frames == pytest.approx(len(expected), abs=3000)
    assert (heard**2).sum() == pytest.approx((expected**2).sum(), rel=0.01)


HEADERS = {  # the name of the field's chunk, how far behind it, its format, and what it says where it was never written
    "WAV": (b"data", 4, "<I", (0, 2**32 - 1, 2**31, 2**31 - 4096, 2**32 - 37)),
    "RF64": (b"ds64", 16, "<Q", (0, 2**64 - 1)),
    "W64": (b"data", 16, "<Q", (0, 24, 2**64 - 1, 2**63 - 1)),
    "AIFF": (b"SSND", 4, ">I", (0, 8, 2**32 - 1)),
    "AU": (b".snd", 8, ">I", (0, 2**32 - 1)),
    "CAF": (b"data", 4, ">q", (0, 4, -1)),
    "SVX": (b"BODY", 4, ">I", (0, 2**32 - 1)),
}


def with_length(path: Path, format: str, length: int) -> None:
    """Write another length into the header."""
    name, behind, form, _ = HEADERS[format]
    data = bytearray(path.read_bytes())
    at = data.index(name) + behind
    data[at : at + struct.calcsize(form)] = struct.pack(form, length)
    path.write_bytes(data)


@pytest.mark.parametrize(("format", "length"), [(format, length) for format in HEADERS for length in HEADERS[format][3]])
def test_an_unfinished_header_is_said(tmp_path: Path, format: str, length: int) -> None:
    x = np.random.default_rng(0).uniform(-0.5, 0.5, 4096)
    path = write(tmp_path / "a", format, "PCM_16", x)
    expected = load(path, SIGNAL).x
    with_length(path, format, length)
    found = load(path, SIGNAL)
    assert np.array_equal(found.x, expected)
    assert [note for note in found.notes if "its header was never finished" in note]


@pytest.mark.parametrize("format", HEADERS)
def test_a_header_a_few_bytes_too_generous_is_said_and_an_honest_one_is_not(tmp_path: Path, format: str) -> None:
    x = np.random.default_rng(0).uniform(-0.5, 0.5, 4096)
    path = write(tmp_path / "a", format, "PCM_16", x)
    honest = load(path, SIGNAL)
    name, behind, form, _ = HEADERS[format]
    data = path.read_bytes()
    says = struct.unpack_from(form, data, data.index(name) + behind)[0]
    with_length(path, format, says + 16)
    generous = load(path, SIGNAL)
    assert np.array_equal(generous.x, honest.x)
    assert not [note for note in honest.notes if "header" in note]
    assert "its header says 16 bytes more than there are: taken to the end of the file" in generous.notes


@pytest.mark.parametrize("format", ["WAV", "AIFF", "CAF"])
def test_chunks_after_the_samples_may_be_odd_or_cut(tmp_path: Path, format: str) -> None:
    path = write(tmp_path / "a", format, "PCM_16", strike(0.5, 0.0))
    whole, expected = path.read_bytes(), load(path, SIGNAL)
    for tail in (b"LIST\x07\x00\x00\x00INFOabc", b"LIST\xff\x00\x00\x00INFOabc", b"\0", bytes(100)):
        path.write_bytes(whole + tail)
        assert np.array_equal(load(path, SIGNAL).x, expected.x)


@pytest.mark.parametrize("tail", [b"", b"LIST\x04\x00\x00\x00INFO"])
def test_an_empty_file_is_no_unfinished_one(tmp_path: Path, tail: bytes) -> None:
    path = write(tmp_path / "a", "WAV", "PCM_16", np.zeros(0))
    path.write_bytes(path.read_bytes() + tail)
    with pytest.raises(UsageError, match="no samples"):
        load(path, SIGNAL)


def test_a_flac_that_was_streamed_does_not_say_its_length(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "FLAC", "PCM_16", strike(2.0, 0.0))
    expected, data = load(path, SIGNAL), bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    found = load(path, SIGNAL)
    assert np.array_equal(found.x, expected.x)
    assert found.notes == expected.notes


def test_a_damaged_flac_is_damaged(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "FLAC", "PCM_16", np.random.default_rng(0).uniform(-0.5, 0.5, 40000))
    data = bytearray(path.read_bytes())
    data[2000:6000] = bytes(4000)
    path.write_bytes(data)
    with pytest.raises(UsageError, match="damaged"):
        load(path, SIGNAL)


@pytest.mark.parametrize("seed", range(8))
def test_garbage_is_refused_and_never_raises_anything_else(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    buffer = io.BytesIO()
    soundfile.write(buffer, strike(0.2, 0.0), RATE, format=["WAV", "AIFF", "CAF", "AU", "W64", "OGG", "FLAC", "RF64"][seed])
    for _ in range(20):
        data = bytearray(buffer.getvalue())
        for at in rng.integers(0, 120, 4):
            data[at] = rng.integers(256)
        (tmp_path / "a").write_bytes(data)
        with contextlib.suppress(UsageError):
            assert load(tmp_path / "a", SIGNAL).x.isfinite().all()
