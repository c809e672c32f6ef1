"""A studio in this process or in one of its own with a browser before it, synthesizers from strangers, and sounds."""

import io
import re
import secrets
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from invsound_studio.app import Studio
from starlette.testclient import TestClient

TOKEN = "a-token-of-these-tests"
TOY = ["synth.num_samples=1024", "feature.n_fft=[256]", "data.train=8", "data.val=4", "data.test=2", "train.epochs=1",
       "evaluate.scores=[mss]", "evaluate.sounds=2", "encoder.num_octaves=4", "encoder.hop=64"]  # fmt: skip
PARTS = '''
import os, signal
from dataclasses import dataclass
import torch
from invsound import Choice, Parameter, Signal, Space, Synth

@dataclass
class Options:
    """Bell.

    num_samples: length of the sound, samples
    """
    num_samples: int = 2048

class Bell(Synth):
    """A decaying sine, dull or bright."""
    Options = Options
    preset_suffix = ".bell"
    def preset_file(self, values, name):
        return f"{name}: {values['f']:g} Hz, {values['wave']}".encode()
    def __init__(self, options):
        super().__init__(options)
        f, tau = Parameter("f", "Hz", 100, 1000, "log", "pitch"), Parameter("tau", "s", 0.01, 0.1)
        self.space = Space(f, tau, Choice("wave", ("dull", "bright")))
        self.signal = Signal(8000, options.num_samples)
    def forward(self, theta):
        f, tau, wave = theta[:, :, None].unbind(1)
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype) / self.signal.sample_rate
        return torch.exp(-t / tau) * (torch.sin(2 * torch.pi * f * t) + wave * torch.sin(6 * torch.pi * f * t)) / (1 + wave)

class Fuse(Bell):
    """At 999 Hz it ends its process."""
    def forward(self, theta):
        if (theta.detach()[:, 0] > 998).any():
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().forward(theta)

class Organ(Synth):
    """145 partials, each with its level."""
    Options = Options
    def __init__(self, options):
        super().__init__(options)
        self.space = Space(*(Parameter(f"level{k}", "", 0, 1) for k in range(145)))
        self.signal = Signal(16000, options.num_samples)
    def forward(self, theta):
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype) / self.signal.sample_rate
        k = torch.arange(1, 146, dtype=theta.dtype)
        return theta @ torch.sin(2 * torch.pi * 50 * k[:, None] * t) / 145
'''
HOOK = """from invsound import Part, hookimpl
@hookimpl
def invsound_synths(): return [Part(name.lower(), f'strangers:{name}', 'strange') for name in ('Bell', 'Fuse', 'Organ')]
"""


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    """Two synthesizers on the path, for the processes that compute."""
    folder = tmp_path_factory.mktemp("strangers")
    site = folder / "site"
    info = site / "stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[invsound]\nstranger = stranger_hook\n")
    (site / "stranger_hook.py").write_text(HOOK)
    (site / "strangers.py").write_text(PARTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        for name, value in {"INVSOUND_CACHE": folder / "cache", "OMP_NUM_THREADS": "1", "PYTHONPATH": site}.items():
            patch.setenv(name, str(value))
        yield site


@pytest.fixture(scope="module")
def toy(strangers, tmp_path_factory):
    """A run that has ended, of few sounds."""
    folder = tmp_path_factory.mktemp("runs") / "toy"
    command = [sys.executable, "-m", "invsound", "run", "--synth", "bell", "--feature", "mss", "--loss", "ploss", *TOY]
    subprocess.run([*command, "--jobs", "1", "--out", str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def runs():
    """Those that the studio of a module is started with."""
    return {}


@pytest.fixture(scope="module")
def client(strangers, runs):
    """One studio for all tests of a module: its processes import torch once."""
    with TestClient(Studio(TOKEN, runs=runs, limit=2**20).app, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def studio(client):
    """Asks as a page of its own does: `studio("POST", "bench", json=…)`; `tab` is another page, `headers` replace what it sends."""
    own = f"tab-{secrets.token_hex(4)}"

    def ask(method, path, tab=own, headers=None, **more):
        sent = {"X-Invsound-Token": TOKEN, "X-Invsound-Tab": tab} | (headers or {})
        return client.request(method, path if path.startswith("/") else f"/api/{path}", headers=sent, **more)

    return ask


@pytest.fixture
def tone():
    """A decaying sine."""

    def made(f=440.0, tau=0.03, seconds=0.256, rate=8000, level=0.5):
        t = np.arange(round(seconds * rate)) / rate
        return level * np.exp(-t / tau) * np.sin(2 * np.pi * f * t)

    return made


@pytest.fixture
def wav():
    """Samples as a file."""

    def made(x, rate=8000):
        buffer = io.BytesIO()
        soundfile.write(buffer, x, rate, format="WAV", subtype="FLOAT")
        return buffer.getvalue()

    return made


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--mute-audio", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip
DROP = """([name, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "audio/wav" }));
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""
SECONDS = 90_000  # milliseconds, on a machine that does other things too


@pytest.fixture(scope="module")
def served(strangers):
    """Starts a studio in a process of its own: the process, and its address."""
    processes = []

    def start(*options):
        command = [sys.executable, "-m", "invsound", "studio", "--no-browser", *options]
        processes.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return processes[-1], re.search(r"http://\S+", processes[-1].stderr.readline())[0]

    yield start
    for process in processes:
        process.terminate()
        process.communicate()


@pytest.fixture(scope="module")
def address(served, toy):
    return served("--run", str(toy))[1]


@pytest.fixture(scope="session")
def chromium():
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium is found: install Debian's package chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def explained():
    """What the browser logs, and the page has said in its own words."""
    return "status of 400"


@pytest.fixture(params=[(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")], ids=lambda p: f"{p[0]}-{p[1]}")
def page(request, chromium, address, explained):
    """A page of its own; it complains of nothing, asks nobody else, and is as wide as its window."""
    width, scheme = request.param
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True)
    page, complaints, hosts = context.new_page(), [], set()
    page.set_default_timeout(SECONDS)
    page.on(
        "console",
        lambda one: complaints.append(one.text) if one.type in ("error", "warning") and not re.search(explained, one.text) else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: hosts.add(re.match(r"(\w+:)(?://([^:/?]*))?", asked.url).group(0)))
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    yield page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []
    assert hosts <= {"http://127.0.0.1", "blob:http:", "blob:", "data:"}
    context.close()


@pytest.fixture
def choose(page):
    """Makes a synthesizer the page's instrument."""

    def chosen(synth="bell", lines="feature.n_fft=[256]\nmatch.candidates=8"):
        page.select_option("#feature", "mss")
        page.select_option("#synth", synth)
        page.click("summary")
        page.fill("#lines", lines)
        page.click("#apply")
        page.wait_for_function("() => [...document.querySelectorAll('#options td')].some(cell => cell.textContent === '[256]')")
        page.click("summary")

    return chosen


@pytest.fixture
def drop(page):
    """Drops a file on the page."""
    return lambda name, content: page.evaluate(DROP, [name, list(content)])


@pytest.fixture
def audited(page):
    """What axe-core finds that is serious."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")

    def violations():
        found = axe.Axe().run(page).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['target']}" for one in found if one["impact"] in ("serious", "critical")]

    return violations
