"""The report: complete, self-contained, escaped, and graceful where a run has less to tell."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import subprocess
import sys
import time
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from invsound.errors import InvsoundError, UsageError
from invsound.pages.report import EXAMPLES, write_report

EVIL = "<script>alert('x')<script> & \"tom\""
SPACE = [
    {"name": "omega", "unit": "rad/s", "low": 251.3, "high": 6283.2, "scale": "log"},
    {"name": "tau", "unit": "s", "low": 0.07, "high": 0.8, "scale": "linear"},
    {"name": "p", "unit": "", "low": 1e-5, "high": 0.2, "scale": "log"},
    {"name": "D", "unit": "", "low": 1e-5, "high": 0.3, "scale": "log"},
    {"name": "alpha", "unit": "", "low": 1e-5, "high": 1, "scale": "linear"},
]


def bell(omega: float, tau: float, N: int = 65536, rate: int = 22050) -> np.ndarray:
    t = np.arange(N) / rate
    return sum(np.exp(-t * k / tau) * np.sin(omega * k**1.3 * t) / k for k in range(1, 9)) / 2.5


def draw(rng: np.random.Generator, count: int) -> np.ndarray:
    """Parameters [count, P], uniform on each parameter's scale."""
    u = rng.random((count, len(SPACE)))
    columns = [
        p["low"] * (p["high"] / p["low"]) ** v if p["scale"] == "log" else p["low"] + v * (p["high"] - p["low"])
        for p, v in zip(SPACE, u.T, strict=True)
    ]
    return np.stack(columns, 1)


def write_run(run: Path, sounds: int = 3, N: int = 65536) -> Path:
    """A run folder with everything in it, and a recording with a hostile name."""
    rng = np.random.default_rng(7)
    (run / "audio").mkdir(parents=True)
    true = draw(rng, 64)
    predicted = true * np.exp(rng.normal(0, 0.12, true.shape))
    parts = {"synth": "bell", "feature": "scatter", "loss": "riemann", "optimizer": "adam", "encoder": "cnn"}
    (run / "config.yaml").write_text(
        yaml.safe_dump({"parts": parts, "data": {"train": 256, "test": 64}, "seed": 0, "note": "</pre></script>" + EVIL}, sort_keys=False)
    )
    environment = {"python": "3.11.2", "platform": EVIL, "torch": "2.13.0", "plugins": {"invsound-bell": "0.1.0"}, "device": "cpu"}
    epochs = [{"epoch": 0, "val_loss": 52.0}]
    for e in range(1, 31):
        decay = np.exp(-e / 9)
        losses = {"train_loss": 45 * decay + 2 + rng.random(), "val_loss": 45 * decay + 4 + 2 * rng.random()}
        epochs.append({"epoch": e, **losses, "lr": 1e-3, "monitor": {"damping": 1e9 * 10 ** (-e / 4)}, "seconds": 3.2})
    (run / "metrics.jsonl").write_text("".join(json.dumps(e) + "\n" for e in epochs))
    scores = {
        "sound_count": 64,
        "scores": {
            "scatter": {
                "trained": {"macro": 9.12, "micro": 8.03},
                "untrained": {"macro": 41.5, "micro": 39.0},
                "training_mean": {"macro": 33.0, "micro": 30.1},
            },
            "spectral": {"trained": {"macro": 2.1}, "untrained": {"macro": 6.2}, "training_mean": {"macro": 5.5}},
        },
        "parameters": {
            p["name"]: {"unit": p["unit"], "trained": error, "untrained": 9 * error, "training_mean": 8 * error}
            for p, error in zip(SPACE, np.abs(predicted - true).mean(0), strict=True)
        },
        "targets": [
            {
                "file": f"/sounds/{EVIL}.flac",
                "name": EVIL,
                "notes": ["2 channels averaged to mono", "resampled 44100 → 22050 Hz (soxr HQ)", "padded 0.41 s with silence"],
                "parameters": dict(zip([p["name"] for p in SPACE], predicted[40], strict=True)),
                "scores": {"scatter": 31.2, "spectral": 3.1},
            }
        ],
        "seconds": {"preparation": 92.1, "training": 40.2, "evaluation": 12.0},
    }
    (run / "scores.json").write_text(json.dumps(scores))
    (run / "environment.json").write_text(json.dumps(environment))
    (run / "space.json").write_text(json.dumps(SPACE))
    eigenvalues = 10.0 ** (np.array([5, 3.5, 1, -2, -6]) + rng.normal(0, 0.5, (64, 5)))
    (run / "spectrum.json").write_text(json.dumps({"eigenvalues": eigenvalues.tolist()}))
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["index", *(f"{kind}_{p['name']}" for p in SPACE for kind in ("true", "predicted"))])
    writer.writerows([i, *np.stack([t, e], 1).ravel()] for i, (t, e) in enumerate(zip(true, predicted, strict=True)))
    (run / "predictions.csv").write_text(table.getvalue())
    for name, row in [(f"test-{i:02d}", i) for i in range(sounds)] + [(scores["targets"][0]["name"], 40)]:
        for role, theta in (("target", true[row]), ("reconstruction", predicted[row])):
            soundfile.write(run / "audio" / f"{name}-{role}.wav", bell(theta[0], theta[1], N), 22050, subtype="FLOAT")
    return run


class Page(HTMLParser):
    """A parsed page: elements with their attributes, and the words of its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "path", "image", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "first")


@pytest.fixture(scope="module")
def text(run: Path) -> str:
    return write_report(run).read_text("utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_every_section_is_there(page: Page) -> None:
    sections = [section["id"] for section in page.all("section")]
    assert sections == ["scores", "recordings", "training", "parameters", "spectrum", "examples", "run"]
    for words in (
        "bell · scatter · riemann",
        "9.12",
        "41.5",
        "33.0",
        "preparation",
        "92.1 s",
        "damping",
        "omega",
        "rad/s",
        "resampled 44100",
    ):
        assert words.lower() in re.sub(r"\s+", " ", page.words).lower()
    assert page.open == []


def test_nothing_comes_from_elsewhere(text: str, page: Page) -> None:
    assert re.findall(r"https?://(?!www\.w3\.org/)", text) == []
    sources = [value for _, attributes in page.elements for key, value in attributes.items() if key in ("src", "href")]
    assert sources
    assert all(source.startswith("data:") for source in sources)


def test_names_are_text_not_markup(text: str, page: Page) -> None:
    assert len(page.all("script")) == 1
    assert "<script>alert" not in text
    assert f"{EVIL}.flac" in page.words
    assert "</pre></script>" + EVIL in page.words


def test_sounds_are_the_files(run: Path, page: Page) -> None:
    players = page.all("audio")
    assert len(players) == 8
    assert all(player["aria-label"] for player in players)
    first = soundfile.read(io.BytesIO(base64.b64decode(players[2]["src"].partition("base64,")[2])))
    expected = soundfile.read(run / "audio" / "test-00-target.wav")
    assert first[1] == expected[1]
    np.testing.assert_allclose(first[0], expected[0] / max(1, np.abs(expected[0]).max()), atol=1e-4)


def unpack(png: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Pixels [height, width] and palette [256, 3] of an indexed PNG, each chunk's checksum verified."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = {}, 8
    while place < len(png):
        length, kind = int.from_bytes(png[place : place + 4], "big"), png[place + 4 : place + 8]
        chunks[kind] = png[place + 8 : place + 8 + length]
        assert int.from_bytes(png[place + 8 + length : place + 12 + length], "big") == zlib.crc32(kind + chunks[kind])
        place += 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height = (int.from_bytes(chunks[b"IHDR"][k : k + 4], "big") for k in (0, 4))
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:], np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)


def test_pictures_are_pngs_that_use_their_range(page: Page) -> None:
    pictures = page.all("image")
    assert len(pictures) == 8
    for picture in pictures:
        pixels, palette = unpack(base64.b64decode(picture["href"].partition("base64,")[2]))
        assert palette.shape == (256, 3)
        assert np.ptp(pixels) > 200


def test_every_chart_says_what_it_shows(page: Page) -> None:
    charts = page.all("svg")
    assert len(charts) == 8 + 2 + 5 + 1
    assert all(chart["role"] == "img" and len(chart["aria-label"]) > 20 for chart in charts)
    assert all(re.fullmatch(r"[MLHVhv\d. -]+", path["d"]) for path in page.all("path"))


def test_what_training_notes_is_drawn_and_pretraining_by_itself(tmp_path: Path) -> None:
    epochs = [{"epoch": 0, "val_loss": 4.0, "phase": "pretraining", "monitor": {"directions": [3.0, 1.0]}}]
    epochs.append(epochs[0] | {"epoch": 1, "train_loss": 3.5, "handed_over": 90.0, "monitor": {"directions": [2.0, 1.0], "gradient": 0.5}})
    epochs += [{"epoch": e, "val_loss": 90 / e, "train_loss": 80 / e, "monitor": {"gradient": 7.0, "damping": 1.0 / e}} for e in (2, 3)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(e) + "\n" for e in epochs))
    charts = [chart["aria-label"] for chart in Page(write_report(tmp_path).read_text("utf-8")).all("svg")]
    assert len(charts) == 5
    assert charts[0].startswith("Loss in pretraining after each epoch; epoch 0")
    assert "Validation from 90.0 to 30.0" in charts[1].replace("validation", "Validation")
    assert "1 from 3.00 to 2.00" in charts[2]
    assert "2 from 1.00 to 1.00" in charts[2]
    assert charts[3].startswith("Norm of the gradient")
    assert "Damping from 0.500 to 0.333" in charts[4]


def test_a_run_with_less_to_tell(tmp_path: Path) -> None:
    empty = Page(write_report(tmp_path).read_text("utf-8"))
    assert empty.all("section") == []
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 0, "val_loss": 3.0}\n{"epoch": 1, "train_lo')
    (tmp_path / "scores.json").write_text(json.dumps({"scores": {"spectral": {"trained": {"macro": 2.0}}}}))
    (tmp_path / "seconds.json").write_text(json.dumps({"training": 4.2}))
    (tmp_path / "spectrum.json").write_text(json.dumps({"eigenvalues": [[0.0, 0.0]]}))
    page = Page(write_report(tmp_path).read_text("utf-8"))
    assert [section["id"] for section in page.all("section")] == ["scores", "training"]
    assert "4.20 s" in page.words
    assert page.words.count("–") == 2


@pytest.mark.parametrize(
    "gone", ["config.yaml", "environment.json", "metrics.jsonl", "scores.json", "predictions.csv", "space.json", "audio"]
)
def test_any_file_may_be_missing(tmp_path: Path, gone: str) -> None:
    run = write_run(tmp_path / "run", sounds=1, N=4096)
    (run / gone).rename(tmp_path / "gone")
    assert Page(write_report(run).read_text("utf-8")).open == []


def test_a_damaged_file_and_a_missing_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No run folder"):
        write_report(tmp_path / "none")
    (tmp_path / "scores.json").write_text("{")
    with pytest.raises(InvsoundError, match=r"scores\.json"):
        write_report(tmp_path)


def test_long_runs_make_quick_and_small_reports(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", sounds=EXAMPLES + 2, N=4096)
    lines = (run / "predictions.csv").read_text().splitlines()
    (run / "predictions.csv").write_text("\n".join(lines[:1] + lines[1:] * 150))
    start = time.process_time()
    report = write_report(run)
    assert time.process_time() - start < 5
    assert report.stat().st_size < 4e6
    assert len(Page(report.read_text("utf-8")).all("audio")) == 2 * (EXAMPLES + 1)


def test_a_report_needs_no_torch() -> None:
    code = "import sys, invsound.pages.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
