"""Fixtures: a scratch cache, one thread, the command line, and packages installed for one test."""

import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from invsound import cli
from invsound.hooks import registry

ROOT = Path(__file__).parent.parent
TINY_SYNTH = '''
from dataclasses import dataclass
import torch
from invsound import Parameter, Signal, Space, Synth

@dataclass
class Options:
    """Tiny."""
    num_samples: int = 512

class Tiny(Synth):
    """A decaying sine: x = exp(−t/τ) sin(2πft)."""
    Options = Options
    def __init__(self, options):
        super().__init__(options)
        self.space = Space(Parameter("f", "Hz", 100, 1000, "log"), Parameter("tau", "s", 0.01, 0.1))
        self.signal = Signal(8000, options.num_samples)
    def forward(self, theta):
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype, device=theta.device) / self.signal.sample_rate
        return torch.exp(-t / theta[:, 1:]) * torch.sin(2 * torch.pi * theta[:, :1] * t)
'''


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """Every test has its own cache and working folder."""
    monkeypatch.setenv("INVSOUND_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("INVSOUND_DISABLE_PLUGINS", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def invsound():
    """The command line in this process: `invsound("run", …)` → result with exit_code, stdout, stderr."""

    def call(*arguments):
        result = CliRunner().invoke(cli.app, [str(a) for a in arguments], prog_name="invsound")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.stderr
        return result

    return call


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution for this test: `install("bell", "hook module's source", version="1.0", other_module="source")`."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    modules = []

    def write(name, source, version="1.0", **others):
        module = name.replace("-", "_")
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[invsound]\n{name} = {module}\n")
        for other, text in {module: source, **others}.items():
            (site / f"{other}.py").write_text(text)
            modules.append(other)
        registry.plugins.cache_clear()
        return site

    yield write
    for module in modules:
        sys.modules.pop(module, None)
    registry.plugins.cache_clear()


@pytest.fixture
def tiny_source():
    """The source of a module with the class Tiny."""
    return TINY_SYNTH


@pytest.fixture
def tiny(install):
    """The distribution `tiny-synth`, with a synth that renders in microseconds."""
    hook = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_synths():\n    return [Part('tiny', 'tiny_parts:Tiny')]\n"
    install("tiny-synth", hook, tiny_parts=TINY_SYNTH)
    return "tiny"
