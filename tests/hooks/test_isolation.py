"""Whatever strangers install, the installed command line lists it, explains it, and goes on working."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PART = "from invsound import Part, hookimpl\n"
HOOK = PART + "@hookimpl\ndef invsound_synths(): return [Part('{name}', 'parts_of_{module}:Tiny', 'a sound')]\n"
TINY = """
from dataclasses import dataclass
import torch
from invsound import Parameter, Signal, Space, Synth

@dataclass
class Options:
    x: int = 1

class Tiny(Synth):
    Options = Options
    def __init__(self, options):
        super().__init__(options)
        self.space, self.signal = Space(Parameter("f", "Hz", 100, 1000)), Signal(8000, 64)
    def forward(self, theta):
        t = torch.arange(64, dtype=theta.dtype, device=theta.device) / 8000
        return torch.sin(2 * torch.pi * theta * t)
"""
OFFER_OF = "@hookimpl\ndef {hook}(): {body}\n"
PLUGINS = {
    "import-error": ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
    "syntax-error": ("def (:", "SyntaxError"),
    "misspelt-hook": (PART + OFFER_OF.format(hook="invsound_synth", body="return []"), "Did you mean 'invsound_synths'?"),
    "wrong-signature": (PART + "@hookimpl\ndef invsound_synths(extra): return []\n", "extra"),
    "api-too-new": (PART + "INVSOUND_API = 99\n", "written for plugin API 99; this invsound speaks 2 and 1"),
    "api-too-old": (PART + "INVSOUND_API = -1\n", "written for plugin API -1"),
    "raising-hook": (PART + OFFER_OF.format(hook="invsound_synths", body="raise KeyError('boom')"), "KeyError: 'boom'"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "no-parts": (PART + OFFER_OF.format(hook="invsound_synths", body="return ['tiny']"), "list of invsound.Part"),
    "no-list": (PART + OFFER_OF.format(hook="invsound_synths", body="return 3"), "list of invsound.Part"),
    "name-of-two-words": (PART + OFFER_OF.format(hook="invsound_synths", body="return [Part('a b', 'm:C')]"), "one-word"),
    "number-for-name": (PART + OFFER_OF.format(hook="invsound_synths", body="return [Part(3, 'm:C')]"), "one-word"),
    "target-is-a-class": (PART + OFFER_OF.format(hook="invsound_synths", body="return [Part('a', Part)]"), "package.module:Class"),
    "twice": (PART + OFFER_OF.format(hook="invsound_synths", body="return 2 * [Part('a', 'm:C')]"), "two synths named 'a'"),
    "half-way": (
        PART
        + OFFER_OF.format(hook="invsound_synths", body="return [Part('half', 'parts_of_good_one:Tiny')]")
        + OFFER_OF.format(hook="invsound_features", body="raise OSError('no licence server')"),
        "OSError: no licence server",
    ),
}
PARTS = {
    "options-no-dataclass": (TINY + "Tiny.Options = dict\n", "needs a class attribute Options, a dataclass"),
    "options-no-yaml": (TINY.replace("x: int = 1", "x: set = None"), "type annotation: set"),
    "options-refused": (TINY.replace("x: int = 1", "def __post_init__(self): raise ValueError('never')"), "never"),
    "constructor-raises": (
        TINY + "def raises(self, options): raise OSError('no VST host')\nTiny.__init__ = raises\n",
        "OSError: no VST host",
    ),
    "constructor-exits": (TINY + "def raises(self, options): raise SystemExit(0)\nTiny.__init__ = raises\n", "SystemExit: 0"),
    "dependency-missing": ("import no_such_dependency\n", "No module named 'no_such_dependency'"),
    "class-missing": ("", "no attribute 'Tiny'"),
    "part-exits": ("raise SystemExit(0)\n", "SystemExit: 0"),
    "no-space": (TINY + "Tiny.__init__ = Synth.__init__\n", "space is None"),
    "no-synth": (TINY + "class Tiny:\n    Options = Options\n    def __init__(self, options): pass\n", "Tiny is no invsound.synth.Synth"),
}


def write(site, name, source, parts=None):
    module = name.replace("-", "_")
    (site / f"{module}.py").write_text(source)
    if parts is not None:
        (site / f"parts_of_{module}.py").write_text(parts)
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[invsound]\n{name} = {module}\n")
    return info


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder where two good plugins, with the same name for their parts, are installed beside every broken one."""
    site = tmp_path_factory.mktemp("site")
    for name, (source, _) in PLUGINS.items():
        write(site, name, source)
    for name, (parts, _) in PARTS.items():
        write(site, name, HOOK.format(name=name, module=name.replace("-", "_")), parts)
    for name in ("good-one", "good-two"):
        write(site, name, HOOK.format(name="good", module=name.replace("-", "_")), TINY)
    damaged = write(site, "damaged", HOOK.format(name="salvaged", module="damaged"), TINY)
    (damaged / "METADATA").unlink()
    nonsense = write(site, "nonsense", "")
    (nonsense / "entry_points.txt").write_text("[invsound]\nnonsense = not a module\n")
    return site


def command(site, *arguments, **environment):
    """The installed command, with the folder on its path."""
    script = Path(sys.executable).with_name("invsound")
    environment = os.environ | {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"} | environment
    done = subprocess.run([script, *arguments], capture_output=True, text=True, check=False, env=environment)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def listed(site):
    done = command(site, "list-plugins", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def diagnosed(site, tmp_path_factory):
    done = command(site, "doctor", "--json", INVSOUND_CACHE=str(tmp_path_factory.mktemp("cache")))
    assert done.returncode == 1, done.stderr
    return {row["check"]: row for row in json.loads(done.stdout)}


@pytest.mark.parametrize("name", PLUGINS)
def test_a_broken_plugin_is_listed_with_its_reason_and_explained(name, listed, diagnosed):
    (broken,) = [row for row in listed["broken"] if row["distribution"] == name]
    assert PLUGINS[name][1] in broken["reason"]
    row = diagnosed[f"plugin {name} 1.0"]
    assert not row["ok"]
    assert PLUGINS[name][1] in row["finding"]
    assert f"INVSOUND_DISABLE_PLUGINS={name}" in row["finding"]


def test_nothing_else_is_broken(listed):
    assert {row["distribution"] for row in listed["broken"]} == {*PLUGINS, "nonsense"}


@pytest.mark.parametrize("name", PARTS)
def test_a_broken_part_is_explained_and_its_plugin_listed(name, listed, diagnosed):
    assert name in {row["name"] for row in listed["parts"]}  # listing imports no part, so it cannot know
    row = diagnosed[f"synth {name} ({name} 1.0)"]
    assert not row["ok"]
    assert PARTS[name][1] in row["finding"]


def test_everything_else_works(listed, diagnosed):
    shipped = {"ploss", "adam", "cnn", "lm", "amfm", "ftm", "jtfs", "mss", "pnp", "ddsp"}
    assert shipped <= {row["name"] for row in listed["parts"]}
    assert all(row["ok"] for check, row in diagnosed.items() if "(invsound" in check)
    assert sum("(invsound" in check for check in diagnosed) >= 18


def test_partial_registration_is_rolled_back(listed):
    assert "half" not in {row["name"] for row in listed["parts"]}


def test_damaged_metadata_harm_nobody(listed, diagnosed):
    assert ("salvaged", "damaged", "?") in {(row["name"], row["distribution"], row["version"]) for row in listed["parts"]}
    assert diagnosed["synth salvaged (damaged ?)"]["ok"]


def test_a_clash_of_names_is_listed_and_explained(listed, diagnosed, site, tmp_path):
    clashing = {row["distribution"]: row.get("clash") for row in listed["parts"] if row["name"] == "good"}
    assert clashing == {"good-one": "good-two", "good-two": "good-one"}
    assert "also offered by good-two: write good-one:good" in command(site, "list-plugins").stdout
    assert "also offered by good-two: write good-one:good" in diagnosed["synth good (good-one 1.0)"]["finding"]
    unclear = command(site, "render", "--synth", "good", "--out", str(tmp_path / "x.wav"))
    assert unclear.returncode == 2
    assert "Say which: good-one:good or good-two:good" in unclear.stderr


def test_a_good_plugin_beside_broken_ones_renders(site, tmp_path):
    assert command(site, "render", "--synth", "good-two:good", "f=300", "--out", str(tmp_path / "x.wav")).returncode == 0
    assert (tmp_path / "x.wav").exists()


@pytest.mark.parametrize(("name", "code"), [("constructor-raises", 1), ("part-exits", 1), ("options-no-yaml", 2)])
def test_a_broken_part_asked_for_is_said_without_a_traceback(name, code, site, tmp_path):
    done = command(site, "render", "--synth", name, "--out", str(tmp_path / "x.wav"))
    assert done.returncode == code
    assert done.stderr.startswith(f"invsound: The synth {name} ({name} 1.0)")
    assert PARTS[name][1] in done.stderr


def test_strict_plugins_is_an_error_that_names_them_all(site):
    done = command(site, "--strict-plugins", "list-plugins")
    assert done.returncode == 2
    assert done.stdout == ""
    assert all(f"{name} 1.0: " in done.stderr for name in PLUGINS)


def test_disabled_plugins_are_not_imported_and_strictness_is_content(site):
    disabled = ",".join([*PLUGINS, "nonsense"]).upper()
    done = command(site, "--strict-plugins", "list-plugins", INVSOUND_DISABLE_PLUGINS=disabled)
    assert done.returncode == 0, done.stderr
    assert "broken" not in done.stdout


def test_check_plugin_says_why_a_plugin_or_part_is_broken(site):
    broken = command(site, "check-plugin", "misspelt-hook")
    assert broken.returncode == 1
    assert "FAILED  distribution misspelt-hook: plugin loads — " in broken.stdout
    assert "Did you mean 'invsound_synths'?" in broken.stdout
    part = command(site, "check-plugin", "constructor-raises", "--json")
    assert part.returncode == 1
    (verdict,) = [row for row in json.loads(part.stdout) if row["law"] == "builds"]
    assert verdict["status"] == "failed"
    assert "no VST host" in verdict["message"]
    unknown = command(site, "check-plugin", "mispelt-hook")
    assert unknown.returncode == 2
    assert "Did you mean 'misspelt-hook'?" in unknown.stderr


def test_check_plugin_of_a_good_plugin_prints_one_line_per_law_and_succeeds(invsound):
    result = invsound("check-plugin", "Invsound_AMFM")
    assert result.exit_code == 0, result.stdout
    *lines, total = result.stdout.splitlines()
    assert all(line.startswith(("ok      ", "skipped ")) for line in lines)
    assert "ok      synth amfm: batch is loop" in lines
    skipped = [line for line in lines if line.startswith("skipped ")]
    assert total.endswith(f"0 failed, {len(skipped)} skipped")
    assert all("CUDA" in line or "editable" in line or "presets" in line for line in skipped), skipped


def test_listing_twenty_plugins_more_imports_neither_torch_nor_numpy(tmp_path):
    for k in range(20):
        write(tmp_path, f"stranger-{k}", HOOK.format(name=f"tiny-{k}", module=f"stranger_{k}"), TINY)
    code = (
        "import sys\nsys.argv[1:] = ['list-plugins']\nfrom invsound.cli import main\n"
        "try: main()\nexcept SystemExit as e: assert not e.code\n"
        "assert not {'torch', 'numpy', 'scipy', 'soundfile', 'omegaconf'} & set(sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert sum(f"stranger-{k} 1.0" in done.stdout for k in range(20)) == 20
