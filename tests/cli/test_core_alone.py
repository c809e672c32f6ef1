"""The core alone: what cannot be done is said, with how to get parts, and doctor is not content."""

import json
import os
from pathlib import Path

import pytest

from invsound.hooks import registry

ROOT = Path(__file__).parents[2]


@pytest.fixture
def alone(monkeypatch):
    others = {plugin.distribution for plugin in registry.plugins()} - {"invsound"}
    monkeypatch.setenv("INVSOUND_DISABLE_PLUGINS", ",".join(others))
    registry.plugins.cache_clear()
    yield
    registry.plugins.cache_clear()


@pytest.mark.parametrize(
    "arguments",
    [
        ["render"],
        ["render", "--synth", "bell"],
        ["run", "--feature", "ear"],
        ["match", "x.wav", "--synth", "bell"],
        ["doctor", "radius", "--synth", "bell"],
    ],
)
def test_errors_say_how_to_get_parts(arguments, alone, invsound):
    result = invsound(*arguments)
    assert result.exit_code == 2
    assert "Installed: none. Parts come in packages of their own: python -m pip install ./plugins/*" in result.stderr


def test_doctor_is_not_content_without_synths_and_features(alone, invsound):
    result = invsound("doctor", "--json")
    assert result.exit_code == 1
    rows = {row["check"]: row for row in json.loads(result.stdout)}
    assert [name for name, row in rows.items() if not row["ok"]] == ["synths", "features"]
    assert all("pip install ./plugins/*" in rows[name]["finding"] for name in ("synths", "features"))
    assert os.environ["INVSOUND_DISABLE_PLUGINS"].count("invsound-") >= 8


def test_every_plugin_says_how_it_is_installed_alone():
    for plugin in (ROOT / "plugins").iterdir():
        assert f"`python -m pip install . ./plugins/{plugin.name}`" in (plugin / "README.md").read_text()
