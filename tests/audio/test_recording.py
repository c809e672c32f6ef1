"""Sound files: every oddity is either repaired and said, or refused with a reason."""

from __future__ import annotations

import os
import time
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from invsound.audio.recording import load
from invsound.audio.written import save, to_wav_bytes
from invsound.errors import InvsoundError, UsageError
from invsound.signal import Signal

SIGNAL = Signal(22050, 65536)
RECORDINGS = sorted((Path(__file__).parents[2] / "examples" / "recordings").glob("*.flac"))


def knock(rate: int, seconds: float, start: float = 0.0, frequency: float = 300.0) -> np.ndarray:
    """A decaying sine of peak about 0.25 that begins at `start`."""
    t = np.arange(round(rate * seconds)) / rate - start
    return 0.25 * np.where(t >= 0, np.exp(-20 * np.abs(t)) * np.sin(2 * np.pi * frequency * t), 0.0)


def write(path: Path, x: np.ndarray, rate: int, **options: str) -> Path:
    soundfile.write(path, x, rate, **options)
    return path


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recordings_begin_at_their_onset(path: Path) -> None:
    found = load(path, SIGNAL)
    assert found.x.shape == (65536,)
    assert found.x.dtype == torch.float32
    assert found.x.abs().max() == pytest.approx(1)
    assert not any("trimmed" in note for note in found.notes)
    assert "resampled 44100 → 22050 Hz (soxr HQ)" in found.notes


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "aiff"])
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22050, 2), (44100, 8), (96000, 1)])
def test_any_rate_channels_and_format_is_the_same_sound(tmp_path: Path, extension: str, rate: int, channels: int) -> None:
    x = knock(rate, 1.0, start=0.312)
    path = write(tmp_path / f"a.{extension}", np.stack([x] * channels, 1), rate)
    found = load(path, SIGNAL)
    expected = knock(22050, SIGNAL.duration) / 0.25
    # up to a shift of the foot of the onset, which is sought to a millisecond
    correlation = np.correlate(found.x.numpy()[:8192].astype(float), expected[:8192], "full").max()
    assert correlation / np.linalg.norm(found.x.numpy()) / np.linalg.norm(expected) > 0.99
    notes = " | ".join(found.notes)
    assert ("averaged to mono" in notes) == (channels > 1)
    assert ("resampled" in notes) == (rate != 22050)
    assert "trimmed" in notes
    assert "padded" in notes


def test_notes_say_the_numbers(tmp_path: Path) -> None:
    x = np.stack([knock(44100, 1.312, start=0.312)] * 8, 1)
    notes = load(write(tmp_path / "a.wav", x, 44100), SIGNAL).notes
    assert notes[0] == "8 channels averaged to mono"
    assert notes[2:4] == ["resampled 44100 → 22050 Hz (soxr HQ)", "padded 1.97 s with silence"]
    assert float(notes[1].split()[3]) == pytest.approx(0.312, abs=0.008)
    assert notes[4].startswith("peak normalised from 0.2")
    assert notes[4].endswith(" to 1")


@pytest.mark.parametrize("offset", [0.0, 0.1])
@pytest.mark.parametrize("noise", [0.0, 1e-3])
@pytest.mark.parametrize("start", [0.0, 0.004, 0.02, 0.5, 1.7])
def test_onset_survives_noise_and_offset(tmp_path: Path, start: float, noise: float, offset: float) -> None:
    x = knock(22050, 2.5, start) + offset + noise * np.random.default_rng(0).standard_normal(round(22050 * 2.5))
    found = load(write(tmp_path / "a.wav", x, 22050, subtype="FLOAT"), SIGNAL, peak=None)
    trimmed = [float(note.split()[3]) for note in found.notes if "trimmed" in note]
    if start < 0.01:
        assert not trimmed
    else:
        assert len(trimmed) == 1
        assert start - 0.008 <= trimmed[0] <= start
        cut = round(trimmed[0] * 22050)
        x = x.astype("float32").astype(float)
        assert any(np.allclose(found.x[:1000], x[k : k + 1000] - offset, rtol=0, atol=1e-4) for k in range(cut - 12, cut + 13))


def test_slow_attack_keeps_its_foot(tmp_path: Path) -> None:
    t = np.arange(22050) / 22050
    x = np.sin(2 * np.pi * 500 * t) * np.clip((t - 0.5) / 0.03, 0, 1) * np.exp(-4 * t)
    found = load(write(tmp_path / "a.wav", x, 22050), SIGNAL)
    assert 0.49 <= float(found.notes[0].split()[3]) <= 0.505


def test_a_file_made_for_the_signal_keeps_its_place_and_its_gain_if_asked(tmp_path: Path) -> None:
    x = torch.from_numpy(4 * knock(22050, SIGNAL.duration, start=1.0)[:65536]).float() * 2.5
    found = load(save(tmp_path / "deep" / "a.wav", x, 22050.0), SIGNAL, peak=None)
    assert torch.equal(found.x, x)
    assert found.notes == []


def test_long_files_are_read_as_far_as_needed(tmp_path: Path) -> None:
    minute = 0.25 * np.random.default_rng(0).uniform(-1, 1, (8000 * 60, 8)).astype("float32")
    with soundfile.SoundFile(tmp_path / "long.wav", "w", 8000, 8, subtype="FLOAT") as file:
        for k in range(5):
            # the last three minutes hold a NaN: whoever reads them finds it
            file.write(minute if k < 2 else np.where(np.arange(len(minute))[:, None] == 7, np.nan, minute))
    size = os.path.getsize(tmp_path / "long.wav")
    tracemalloc.start()
    found = load(tmp_path / "long.wav", SIGNAL)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "cropped 5 min 0.0 s to 2.97 s" in found.notes
    assert used < size / 5


def test_hiss_before_the_sound_is_not_the_sound(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([1e-5 * rng.standard_normal(8000 * 90), knock(8000, 1.0)])
    found = load(write(tmp_path / "late.wav", x, 8000, subtype="FLOAT"), SIGNAL)
    assert any(note.startswith("onset found at 89.99") for note in found.notes)


def damaged(tmp_path: Path, case: str) -> Path:
    path, x = tmp_path / f"{case}.wav", knock(22050, 1.0)
    if case == "missing":
        return path
    if case == "folder":
        path.mkdir()
    elif case == "text":
        path.write_text("hello " * 100)
    elif case == "nothing":
        path.touch()
    elif case == "headerless":
        path = path.with_suffix(".raw")
        path.write_bytes(bytes(1000))
    elif case.startswith("cut"):
        whole = write(tmp_path / f"whole.{case[3:]}", np.random.default_rng(0).uniform(-0.1, 0.1, 44100), 22050)
        path = tmp_path / f"{case}.{case[3:]}"
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    elif case == "empty":
        write(path, x[:0], 22050)
    elif case == "silent":
        write(path, x * 0, 22050)
    elif case == "constant":
        write(path, x * 0 + 0.5, 22050)
    elif case in ("nan", "inf"):
        x[[500, 900]] = float(case)
        write(path, x, 22050, subtype="FLOAT")
    return path


@pytest.mark.parametrize("trim_onset", [True, False])
@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("missing", "no such file"),
        ("folder", "a folder"),
        ("text", "not a sound file"),
        ("nothing", "not a sound file"),
        ("headerless", "not a sound file"),
        ("cutwav", "truncated"),
        ("cutflac", "truncated"),
        ("cutogg", "truncated"),
        ("empty", "no samples"),
        ("silent", "silent .* throughout"),
        ("constant", "silent"),
        ("nan", r"NaN or infinite samples: 2 of the .* the first at 0\.0227 s \(frame 500\)"),
        ("inf", "NaN or infinite samples: 2"),
    ],
)
def test_a_bad_file_is_refused_with_a_reason(tmp_path: Path, case: str, words: str, trim_onset: bool) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        load(damaged(tmp_path, case), SIGNAL, trim_onset=trim_onset)
    assert case in str(refused.value)


def test_a_streamed_wav_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", knock(22050, 1.0), 22050)
    header = bytearray(path.read_bytes())
    header[4:8] = header[40:44] = b"\xff" * 4  # the sizes that a program writing into a pipe leaves unknown
    path.write_bytes(header)
    assert load(path, SIGNAL).notes[:2] == [
        "its header was never finished and does not say how long it is: taken to the end of the file",
        "padded 1.97 s with silence",
    ]


def test_equal_sounds_are_equal_files_whatever_the_time(tmp_path: Path) -> None:
    x = np.random.default_rng(0).uniform(-2, 2, 1001).astype("float32")
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).with_suffix(".bytes").write_bytes(to_wav_bytes(x, 22050))
        save(tmp_path / name, x, 22050.4)
        time.sleep(1.1)  # a stamp counts seconds
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert (tmp_path / "a.bytes").read_bytes() == (tmp_path / "b.bytes").read_bytes()
    assert b"PEAK" not in (tmp_path / "a.wav").read_bytes()
    info, (y, rate) = soundfile.info(tmp_path / "a.wav"), soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert (info.format, info.subtype, rate, info.frames) == ("WAV", "FLOAT", 22050, 1001)
    assert np.array_equal(y, x)
    assert "***" not in info.extra_info
    with wave.open(str(tmp_path / "a.bytes")) as read:
        assert read.getnframes() == 1001


def test_save_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a.wav", torch.ones(10), 22050)
    before = (tmp_path / "a.wav").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InvsoundError, match="No space left on device") as refused:
        save(tmp_path / "a.wav", torch.zeros(10), 22050)
    assert not isinstance(refused.value, UsageError)
    assert (tmp_path / "a.wav").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_save_into_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvsoundError, match="Cannot write"):
        save(tmp_path / "file" / "a.wav", torch.zeros(10), 22050)


@pytest.mark.parametrize("gain", [0.0, 0.5, 3.0])
def test_players_get_sixteen_bits_that_never_clip(tmp_path: Path, gain: float) -> None:
    x = gain * np.sin(np.arange(1000) / 10)
    (tmp_path / "a.wav").write_bytes(to_wav_bytes(torch.from_numpy(x), 8192.0))
    y, rate = soundfile.read(tmp_path / "a.wav")
    assert rate == 8192
    np.testing.assert_allclose(y, x / max(1, np.abs(x).max()), atol=1 / 2**15)
