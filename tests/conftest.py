"""Fixtures: a scratch cache, one thread, the command line, and packages installed for one test."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
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


TOY = [
    "data.train=16",
    "data.val=8",
    "data.test=4",
    "train.epochs=3",
    "train.batch=8",
    "evaluate.sounds=1",
    "evaluate.scores=[mss]",
    "feature.n_fft=[256,64]",
]


@pytest.fixture
def toy():
    """The arguments of a run that takes a second: `invsound(*toy(synth, "seed=1", "--out", "first"))`."""

    def arguments(synth, *more, feature="mss", loss="pnp"):
        return ["run", "--synth", synth, "--feature", feature, "--loss", loss, "--jobs", "1", *TOY, *more]

    return arguments


def table(path, columns):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["index", *columns])
        writer.writerows([i, *row] for i, row in enumerate(zip(*columns.values(), strict=True)))


def write_run(folder, distances, seed=0, sounds=None, loss="ploss", weights=None, unit="Hz", parameter="f", epochs=3, **options):
    """A finished run whose test sounds have these distances; `sounds` are their true parameters."""
    n, folder = len(distances), Path(folder)
    folder.mkdir(parents=True)
    sounds = range(n) if sounds is None else sounds
    parts = {"synth": "bell", "feature": "ear", "loss": loss, "optimizer": "adam", "encoder": "cnn"}
    config = {"parts": parts, "data": {"train": 40}, "train": {"batch": 16}, "seed": seed}
    for key, value in options.items():
        group, _, name = key.partition("__")
        config.setdefault(group, {})[name] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    averages = {"macro": float(np.mean(distances))}
    columns = {"ear_trained": distances}
    if weights is not None:
        averages["micro"] = float(np.average(distances, weights=weights))
        columns["weight_ear"] = weights
    errors = {parameter: {"unit": unit, "trained": float(np.mean(distances)) * 2, "untrained": 9.0, "training_mean": 9.0}}
    scores = {"sound_count": n, "scores": {"ear": {"trained": averages, "untrained": {"macro": 99.0}}}, "parameters": errors, "targets": []}
    (folder / "scores.json").write_text(json.dumps(scores))
    (folder / "seconds.json").write_text(json.dumps({"preparation": 5.0 + seed, "training": 9.0}))
    lines = [json.dumps({"epoch": e, "seconds": 6.0 * e} | ({"steps": 3} if e else {})) for e in range(epochs + 1)]
    (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))
    table(folder / "distances.csv", columns)
    table(
        folder / "predictions.csv",
        {f"true_{parameter}": sounds, f"predicted_{parameter}": [s + 2 * d for s, d in zip(sounds, distances, strict=True)]},
    )
    return folder


@pytest.fixture(name="write_run")
def _write_run():
    """A run folder as a finished run leaves it, with the distances that a test wants."""
    return write_run
