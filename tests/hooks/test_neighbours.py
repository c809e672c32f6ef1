"""Neighbours that are damaged, or whose import ends, blocks or floods the process: the others go on, and doctor says which it is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from invsound.hooks import registry
from invsound.hooks.installed import entries, owners

PART = (
    "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_synths(): return [Part('{name}', '{module}_parts:Tiny', {summary!r})]\n"
)
IMPORTS = {
    "ends": ("import os\nos._exit(7)\n", "its import ended the process (exit code 7)"),
    "blocks": ("import time\ntime.sleep(1e6)\n", "its import took more than 8 s"),
    "floods": ("while True: print('x' * 10_000)\n", "its import took more than 8 s"),
    "grabs": ("rows = []\nwhile True: rows.append(bytearray(2**30))\n", "its import"),
    "interrupts": ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
    "speechless": ("class Odd(Exception):\n    def __str__(self): return 3\nraise Odd\n", "it cannot be printed"),
    "raises-base": ("class Odd(BaseException): pass\nraise Odd('no licence')\n", "Odd: no licence"),
}
PARTS = {
    "part-ends": ("import os\nos._exit(0)\n", "its import or construction ended the process (exit code 0)"),
    "part-blocks": ("import time\ntime.sleep(1e6)\n", "its import or construction took more than 8 s"),
    "part-raises-base": ("class Odd(BaseException): pass\nraise Odd('no dongle')\n", "Odd: no dongle"),
}
DAMAGED = {
    "binary-entries": ("entry_points.txt", bytes(range(256)), "its entry_points.txt is not UTF-8"),
    "latin-entries": ("entry_points.txt", b"[invsound]\nb\xe9 = latin_entries\n", "its entry_points.txt is not UTF-8"),
    "no-value": ("entry_points.txt", b"[invsound]\njust_a_name\n", "'just_a_name' is not of the form name = module"),
    "empty-value": ("entry_points.txt", b"[invsound]\nempty =\n", "is not of the form name = module"),
    "long-value": ("entry_points.txt", b"[invsound]\nlong = a-module-%\n", "is not of the form name = module"),
}


@pytest.fixture
def write(tmp_path):
    """A distribution in `site`: `write("bell", "hook source", parts="source", entry_points.txt=b"…", METADATA=b"…")`."""
    site = tmp_path / "site"
    site.mkdir()

    def write(name, source, parts=None, **files):
        module = name.replace("-", "_")
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (site / f"{module}.py").write_text(source)
        if parts is not None:
            (site / f"{module}_parts.py").write_text(parts)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
        for file, content in {"METADATA": metadata, "entry_points.txt": f"[invsound]\n{name} = {module}\n".encode(), **files}.items():
            (info / file).write_bytes(content)
        return info

    write.site = site
    return write


@pytest.fixture
def here(write, monkeypatch):
    """The site on the path of this process."""
    monkeypatch.syspath_prepend(str(write.site))
    registry.plugins.cache_clear()
    yield write
    registry.plugins.cache_clear()


NAMES = ("amfm", "cma", "ddsp", "ftm", "granular", "jtfs", "mss", "pnp", "scores", "scrapl", "slurm", "sophia")
SHIPPED = ",".join(f"invsound-{name}" for name in NAMES)


def offering(name, summary="a sound"):
    return PART.format(name=name, module=name.replace("-", "_"), summary=summary)


def command(site, *arguments, **environment):
    environment = os.environ | {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"} | environment
    script = Path(sys.executable).with_name("invsound")
    done = subprocess.run([script, *arguments], capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def neighbours(here, tiny_source):
    for name, (file, content, _) in DAMAGED.items():
        here(name, "", **{file: content})
    here(
        "latin-name",
        offering("latin-name"),
        tiny_source,
        METADATA=b"Metadata-Version: 2.1\nName: latin-name\nVersion: 1.0\nAuthor: Andr\xe9\n",
    )
    here("binary-metadata", offering("binary-metadata"), tiny_source, METADATA=bytes(range(256)) * 9)
    here(
        "no-plugin",
        "",
        METADATA=b"\xff\xfe\x00",
        RECORD=b"\xff",
        **{"entry_points.txt": b"[console_scripts]\nx = y\n", "top_level.txt": b"\xff"},
    )
    return here


def test_damaged_metadata_harm_nobody_and_name_their_distribution(neighbours):
    found = {plugin.distribution: plugin for plugin in registry.plugins()}
    for name, (_, _, why) in DAMAGED.items():
        assert why in found[name].broken
    assert [found[name].broken for name in ("latin-name", "binary-metadata")] == ["", ""]
    assert found["binary-metadata"].version == "?"
    assert "no-plugin" not in found
    assert registry.find("feature", "mss").version == "0.1.0"
    assert owners("invsound_karplus") == set()  # reads every record there is


def test_disabling_leaves_out_damaged_plugins_however_their_names_are_written(neighbours, monkeypatch):
    monkeypatch.setenv("INVSOUND_DISABLE_PLUGINS", ",".join(name.replace("-", "_").upper() for name in DAMAGED))
    registry.check_all()


def test_the_command_line_lists_and_renders_beside_damage(neighbours, tmp_path):
    listed = command(neighbours.site, "list-plugins", "--json")
    assert {row["distribution"] for row in json.loads(listed.stdout)["broken"]} == set(DAMAGED)
    done = command(neighbours.site, "render", "--synth", "latin-name", "--out", str(tmp_path / "x.wav"))
    assert done.returncode == 0, done.stderr


def test_what_has_the_same_damage_is_told_apart(here):
    for name in ("first", "second"):
        here(name, "", METADATA=b"", **{"entry_points.txt": b"[invsound]\nx = not valid\n"})
    assert {"first", "second"} <= {entry.distribution for entry in entries()}


def test_doctor_names_imports_that_end_block_or_flood_the_process_and_what_to_set(write, tiny_source, tmp_path):
    for name, (source, _) in IMPORTS.items():
        write(name, source)
    for name, (parts, _) in PARTS.items():
        write(name, offering(name), parts)
    write("good", offering("good"), tiny_source)
    done = command(write.site, "doctor", "--json", "--limit", "8", INVSOUND_CACHE=str(tmp_path / "cache"), INVSOUND_DISABLE_PLUGINS=SHIPPED)
    assert done.returncode == 1, done.stderr
    rows = {row["check"]: row for row in json.loads(done.stdout)}
    for name, (_, why) in IMPORTS.items():
        assert why in rows[f"plugin {name} 1.0"]["finding"]
        assert f"INVSOUND_DISABLE_PLUGINS={name}" in rows[f"plugin {name} 1.0"]["finding"]
    for name, (_, why) in PARTS.items():
        assert why in rows[f"synth {name} ({name} 1.0)"]["finding"]
    assert rows["synth good (good 1.0)"]["ok"]
    assert all(row["ok"] for check, row in rows.items() if "(invsound " in check)
    disabled = command(write.site, "list-plugins", INVSOUND_DISABLE_PLUGINS=",".join(IMPORTS))
    assert disabled.returncode == 0, disabled.stderr
    assert "good 1.0" in disabled.stdout


def test_of_two_plugins_in_a_distribution_the_broken_one_can_be_left_out(write, tiny_source, tmp_path):
    info = write("twin", offering("twin"), tiny_source)
    (write.site / "evil.py").write_text("import os\nos._exit(3)\n")
    (info / "entry_points.txt").write_text("[invsound]\ntwin = twin\nevil = evil\n")
    done = command(write.site, "doctor", "--json", INVSOUND_CACHE=str(tmp_path / "c"), INVSOUND_DISABLE_PLUGINS=SHIPPED)
    rows = {row["check"]: row for row in json.loads(done.stdout)}
    assert "set INVSOUND_DISABLE_PLUGINS=evil" in rows["plugin twin 1.0"]["finding"]
    assert rows["synth twin (twin 1.0)"]["ok"]


def test_no_control_code_of_a_name_or_version_reaches_a_terminal(here, tiny_source, invsound):
    red, back = "\x1b[31m", "\x9b2J\u202e"
    metadata = f"Metadata-Version: 2.1\nName: red{red}\nVersion: 1{back}\n".encode()
    here("red", offering("red", f"a {red}sound{back}"), tiny_source, METADATA=metadata)
    here("raises", f"raise OSError({red + back!r})\n", METADATA=metadata.replace(b"Name: red", b"Name: raises"))
    for arguments in (["list-plugins"], ["list-plugins", "--json"], ["list-plugins", "red"], ["render", "--synth", "rad"]):
        said = invsound(*arguments)
        assert not {"\x1b", "\x9b", "\u202e"} & set(said.stdout + said.stderr)
        assert "\\x1b[31m" in said.stdout + said.stderr
