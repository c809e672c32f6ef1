"""Pictures of the studio and of a report, of what build/gallery holds: writes docs/_static/studio-*.png and report.png.

python benchmarks/gallery.py && python benchmarks/screenshots.py

It needs playwright and a Chromium.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import Any

from gallery import BUILD, ROOT, SCENES, TOM, ran
from playwright.sync_api import sync_playwright

STATIC = ROOT / "docs" / "_static"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
SCENE, RECORDING = next(scene for scene in SCENES if scene.name == "arpeggio"), BUILD / "arpeggio" / "arpeggio.wav"
RUN = (
    "invsound run --synth ftm synth.num_samples=16384 --feature jtfs --loss ploss data.train=1024 data.val=64 data.test=16 train.epochs=10 "
    f"evaluate.scores=[mss] evaluate.micro=false evaluate.sounds=1 --target {TOM}"
)
REPORT = BUILD / "membrane" / "encoder" / "report.html"
WAIT = 600_000  # milliseconds


def matched(page: Any, address: str) -> None:
    """The studio, when it has matched the sound of the scene as the gallery has."""
    synth, feature = re.search(r"--synth (\w+).*--feature (\w+)", SCENE.parts).groups()  # type: ignore[union-attr]
    page.set_default_timeout(WAIT)
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    page.select_option("#feature", feature)
    page.click("summary")
    page.fill("#lines", "\n".join(word for word in SCENE.parts.split() if "=" in word))
    page.select_option("#synth", synth)
    page.click("#apply")
    page.click("summary")
    page.set_input_files("#files", RECORDING)
    page.wait_for_function("() => document.getElementById('notes').textContent")
    page.select_option("#budget", "10s")
    page.click("#match")
    page.wait_for_function("() => document.getElementById('said').textContent.startsWith('Matched')")
    page.wait_for_function("() => document.getElementById('distance').textContent !== '–'")


def main() -> None:
    ran(RUN, REPORT.parent)
    process = subprocess.Popen([sys.executable, "-m", "invsound", "studio", "--no-browser"], stderr=subprocess.PIPE, text=True)
    address = re.search(r"http://\S+", process.stderr.readline())[0]  # type: ignore[index,union-attr]
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--mute-audio"])
            page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
            matched(page, address)
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(1000)
            page.screenshot(path=STATIC / "studio-light.png", full_page=True)
            page.emulate_media(color_scheme="dark")
            page.set_viewport_size({"width": 390, "height": 900})
            page.wait_for_timeout(1000)
            page.locator("#result").screenshot(path=STATIC / "studio-dark.png")
            report = browser.new_page(viewport={"width": 1100, "height": 900}, color_scheme="light")
            report.goto(REPORT.as_uri())
            report.screenshot(path=STATIC / "report.png", clip={"x": 0, "y": 0, "width": 1100, "height": 1500}, full_page=True)
            browser.close()
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    main()
