"""A studio in this process, two synthesizers from strangers, and sounds."""

import io
import secrets
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
