"""A part's fingerprint follows whatever its numbers may come from, and nothing else."""

import json
import sys

import pytest

from invsound.hooks import fingerprint as fingerprints
from invsound.hooks.fingerprint import fingerprint

HOOK = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_synths():\n    return [Part('bell', 'bells.parts.bell:Bell')]\n"


@pytest.fixture
def bell(install, tmp_path, monkeypatch):
    """The part `bell` of a package with rooms, which imports an editable project, one installed from a folder, and a release."""
    site = install("bell-hook", HOOK)
    package, editable = site / "bells", tmp_path / "editable" / "src"
    for folder in (package / "parts", package / "dsp", package / "data", package / "__pycache__", editable / "chimes"):
        folder.mkdir(parents=True)
    for file, text in {
        package / "__init__.py": "", package / "parts/__init__.py": "", package / "dsp/__init__.py": "",
        package / "parts/bell.py": "from ..dsp.core import ring\nimport os, chimes.tune as tune\nclass Bell: pass\n",
        package / "dsp/core.py": "def ring():\n    from gongs import gong\n    import released\n",
        package / "dsp/fast.so": "\x7fELF", package / "data/table.csv": "1,2\n", package / "__pycache__/x.pyc": "",
        editable / "chimes/__init__.py": "", editable / "chimes/tune.py": "A = 440\n",
        site / "gongs.py": "gong = 1\n", site / "released.py": "", site / "unrelated.py": "",
    }.items():  # fmt: skip
        file.write_text(text)
    for name, url in {"gongs": "file:///gongs", "released": None}.items():
        info = site / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "RECORD").write_text(f"{name}.py,,\n{name}-1.dist-info/METADATA,,\n")
        if url:
            (info / "direct_url.json").write_text(json.dumps({"url": url, "dir_info": {}}))
    monkeypatch.syspath_prepend(str(editable))
    for cached in (fingerprints._owners, fingerprints._installed):
        cached.cache_clear()
    return {"site": site, "package": package, "editable": editable}


FOLLOWED = {
    "the part": ("package", "parts/bell.py"),
    "what another folder of its package computes": ("package", "dsp/core.py"),
    "a data file": ("package", "data/table.csv"),
    "a compiled extension": ("package", "dsp/fast.so"),
    "a new file": ("package", "data/new.csv"),
    "an editable dependency": ("editable", "chimes/tune.py"),
    "a dependency of a dependency, installed from a folder": ("site", "gongs.py"),
}
IGNORED = {
    "a cache of Python": ("package", "__pycache__/x.pyc"),
    "a release": ("site", "released.py"),
    "another module": ("site", "unrelated.py"),
}


@pytest.mark.parametrize("case", FOLLOWED)
def test_an_edit_changes_the_fingerprint_and_undoing_it_brings_it_back(case, bell):
    where, name = FOLLOWED[case]
    path, before = bell[where] / name, fingerprint("synth", "bell")
    old = path.read_text() if path.exists() else None
    path.write_text((old or "") + "\n")
    assert fingerprint("synth", "bell") != before
    path.unlink() if old is None else path.write_text(old)
    assert fingerprint("synth", "bell") == before


@pytest.mark.parametrize("case", IGNORED)
def test_what_no_number_depends_on_does_not_count(case, bell):
    where, name = IGNORED[case]
    before = fingerprint("synth", "bell")
    (bell[where] / name).write_text("changed = 1\n")
    assert fingerprint("synth", "bell") == before


def test_a_fingerprint_imports_nothing_and_reads_a_file_once(bell, monkeypatch):
    fingerprint("synth", "bell")
    assert "bells" not in sys.modules
    monkeypatch.setattr("builtins.open", lambda *arguments: pytest.fail("it was read already"))
    fingerprint("synth", "bell")
