"""Recordings and their matches, to hear: writes docs/gallery.md and docs/_static/gallery.

python benchmarks/gallery.py

What build/gallery holds already is not computed again.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import soundfile

from invsound.pages.page import sounds

ROOT = Path(__file__).parent.parent
BUILD, STATIC, PAGE = (ROOT / path for path in ("build/gallery", "docs/_static/gallery", "docs/gallery.md"))
HEAD = """# Gallery

Sounds, and what was found of them: the sound as it is compared, then what the synthesizer plays with the parameters that each method has
found. Spectrograms of a section share one scale, 80 dB deep. Every command is below its sounds. A match had the time that its command says,
on two cores; an encoder answers at once. `nox -s gallery` writes this page.
"""
TOM, KICK = "examples/recordings/drum_tom_lo_soft.flac", "examples/recordings/bd_808.flac"


@dataclass(frozen=True)
class Scene:
    """A sound, the parts that match it, and who tries: solvers, and an encoder that a plugin ships."""

    name: str
    title: str
    about: str
    parts: str
    solvers: tuple[str, ...]
    recording: str = ""
    render: str = ""
    shipped: str = ""
    budget: str = "20s"


SCENES = [
    Scene(
        "drum", "A drum", "A recorded tom, and a membrane of fourteen parameters: struck and heard anywhere; its pitch falls; it hisses.",
        "--synth drum synth.num_samples=16384 --feature jtfs", ("lm", "cma"), TOM, budget="60s",
    ),
    Scene(
        "membrane", "The same drum, more simply", "The tom again, and the membrane of the paper, of five parameters.",
        "--synth ftm synth.num_samples=16384 --feature jtfs", ("lm", "cma", "descent"), TOM,
    ),
    Scene(
        "string", "A string", "A stiff string, rendered. Only ratios of its parameters are heard: many strings sound the same.",
        "--synth string synth.num_samples=32768 --feature mss", ("lm", "cma"),
        render="EI=0.001 T0=60 d1=0.0005 d3=1e-6 lambda=0.002 ell=0.65", budget="60s",
    ),
    Scene(
        "arpeggio", "An arpeggio", "A chirp with tremolo, rendered.", "--synth amfm --feature mss", ("lm", "cma"),
        render="f0=640 fm=7 gamma=1.3", shipped="amfm-chirp",
    ),
    Scene(
        "faust", "A Faust program", "A drum machine's bass drum, recorded, and examples/faust/kick.dsp, which nobody has differentiated.",
        "--synth faust synth.file=examples/faust/kick.dsp synth.num_samples=32768 --feature mss", ("lm", "cma"), KICK, budget="60s",
    ),
]  # fmt: skip


def ran(command: str, out: Path) -> str:
    """The command, which was run, in the repository, unless it was before."""
    if not out.exists():
        print(command, flush=True)
        subprocess.run([sys.executable, "-m", *shlex.split(command), "--out", str(out)], cwd=ROOT, check=True)
    return command


def takes(scene: Scene) -> list[tuple[str, str, str, Path]]:
    """Who, the command, what there is to say, and the file: the recording first."""
    folder, recording, made = BUILD / scene.name, scene.recording, "invsound"
    folder.mkdir(parents=True, exist_ok=True)
    if scene.render:
        synth = scene.parts.partition(" --feature")[0]
        made = ran(f"invsound render {synth} {scene.render}", folder / f"{scene.name}.wav")
        recording = (folder / f"{scene.name}.wav").relative_to(ROOT).as_posix()
    found = []
    for solver in scene.solvers:
        command = ran(f"invsound match {recording} {scene.parts} --solver {solver} --budget {scene.budget}", folder / solver)
        match = json.loads((folder / solver / "match.json").read_text())
        share = f"distance {match['distance']:.3g}, of a random sound {match['random_distance']:.3g}"
        found.append((solver, command, share, folder / solver / "match.wav"))
    if scene.shipped:
        heard = folder / "heard"
        command = ran(f"invsound hear {recording} --with {scene.shipped}", heard)
        found.append((scene.shipped, command, "at once", heard / f"{Path(recording).stem}-reconstruction.wav"))
    said = made if scene.render else ""
    return [("recording" if scene.recording else "sound", said, "", folder / scene.solvers[0] / "target.wav"), *found]


def figure(scene: Scene, who: str, said: str, picture: str) -> str:
    """A player and its spectrogram."""
    name = f"_static/gallery/{scene.name}-{who}"
    (STATIC / f"{scene.name}-{who}.png").write_bytes(base64.b64decode(picture))
    caption = f"<b>{who}</b>{f', {html.escape(said)}' if said else ''}"
    image = f'<img src="{name}.png" alt="Spectrogram of {scene.title.lower()}: {who}">'
    return f'<figure><figcaption>{caption}</figcaption>{image}<audio controls preload="none" src="{name}.flac"></audio></figure>\n'


def section(scene: Scene) -> str:
    """A scene as Markdown; its files are written."""
    played = takes(scene)
    waveforms = {who: soundfile.read(path, dtype="float32") for who, _, _, path in played}
    figures = []
    for (who, _, said, _), sound in zip(played, sounds(scene.name, **waveforms), strict=True):
        x, rate = waveforms[who]
        soundfile.write(STATIC / f"{scene.name}-{who}.flac", x / max(1, abs(x).max()), rate, subtype="PCM_16")
        figures.append(figure(scene, who, said, re.search(r"image/png;base64,([^\"]+)", sound.picture)[1]))  # type: ignore[index]
    commands = "\n".join(command for _, command, _, _ in played if command)
    grid = f'<div class="sounds">\n{"".join(figures)}</div>'
    return f"\n## {scene.title}\n\n{scene.about}\n\n{grid}\n\n```sh\n{commands}\n```\n"


if __name__ == "__main__":
    STATIC.mkdir(parents=True, exist_ok=True)
    for old in STATIC.iterdir():
        old.unlink()
    PAGE.write_text(HEAD + "".join(map(section, SCENES)), encoding="utf-8")
