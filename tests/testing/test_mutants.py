"""Every law has a mutant, and every mutant is caught by its law."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
import torch

from invsound.hooks import registry
from invsound.testing import PACKAGE_LAWS, PART_LAWS, executors
from invsound.testing.examine import examine, examine_part, judge, subject_of
from invsound.testing.package import Package

SOURCE = Path(__file__).with_name("mutants")
spec = importlib.util.spec_from_file_location("mutants_listed", SOURCE / "__init__.py", submodule_search_locations=[str(SOURCE)])
listed = importlib.util.module_from_spec(spec)
sys.modules["mutants_listed"] = listed  # its modules look it up
spec.loader.exec_module(listed)
MUTANTS = importlib.import_module("mutants_listed.common").MUTANTS
for path in sorted(SOURCE.glob("[!_]*.py")):
    importlib.import_module(f"mutants_listed.{path.stem}")  # which declares some
GOOD = {kind: f"Good{kind.capitalize()}" for kind in registry.KINDS}
HOOKS = {
    "synth": "synths", "feature": "features", "loss": "losses", "optimizer": "optimizers", "encoder": "encoders", "solver": "solvers",
    "score": "scores", "logger": "loggers", "executor": "executors", "pretrained": "pretrained", "command": "commands",
}  # fmt: skip

OUTSIDE = dict.fromkeys(HOOKS, frozenset()) | {"synth": {("GoodOutside", "outside"), ("GoodBurst", "synths")}}


def hooks():
    lines = ["from invsound import Part, hookimpl"]
    for kind, hook in HOOKS.items():
        names = sorted({(name, module) for k, _, name, module in MUTANTS if k == kind} | {(GOOD[kind], hook)} | OUTSIDE[kind])
        parts = ", ".join(f"Part({name!r}, 'mutants.{module}:{name}')" for name, module in names)
        lines.append(f"@hookimpl\ndef invsound_{hook}(): return [{parts}]")
    return "\n".join(lines)


def write(site, name, source, record=None, requires=("invsound", "torch"), **modules):
    """A distribution in a folder, with the record of its files and what it requires."""
    module = name.replace("-", "_")
    (site / f"{module}.py").write_text(source)
    for other, folder in modules.items():
        shutil.copytree(folder, site / other, ignore=shutil.ignore_patterns("__pycache__"))
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
    (info / "entry_points.txt").write_text(f"[invsound]\n{name} = {module}\n")
    own = [str(path.relative_to(site)) for other in modules for path in (site / other).glob("*.py")]
    files = [f"{module}.py", *own] if record is None else record
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        write(folder, "mutant-parts", hooks(), mutants=SOURCE)
        registry.plugins.cache_clear()
        yield folder
    for name in [name for name, module in sys.modules.items() if str(folder) in str(getattr(module, "__file__", ""))]:
        del sys.modules[name]
    registry.plugins.cache_clear()


def law_of(kind, name):
    (law,) = [law for law in PART_LAWS[kind] if law.name == name]
    return law


@pytest.mark.parametrize(("kind", "law", "name"), [mutant[:3] for mutant in MUTANTS], ids=lambda value: value.replace(" ", "_"))
def test_a_mutant_is_caught_by_its_law(kind, law, name, monkeypatch):
    monkeypatch.setattr(executors, "PATIENCE", 3.0)  # some never end
    if law == "device follows the input" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    verdict = judge(law_of(kind, law), subject_of(registry.find(kind, f"mutant-parts:{name}")))
    assert verdict.status == "failed", verdict
    assert "Mend: " in verdict.message


@pytest.mark.parametrize("kind", registry.KINDS)
def test_a_good_part_breaks_no_law(kind):
    verdicts = list(examine_part(registry.find(kind, f"mutant-parts:{GOOD[kind]}")))
    assert [v for v in verdicts if v.status == "failed"] == []
    assert {v.law for v in verdicts if v.status == "skipped"} <= {"device follows the input"}


def test_a_good_synth_with_a_nuisance_breaks_no_law():
    verdicts = {v.law: v for v in examine_part(registry.find("synth", "mutant-parts:GoodBurst"))}
    assert [v for v in verdicts.values() if v.status == "failed"] == []
    assert (verdicts["sound of its seed"].message, verdicts["a nuisance is heard"].message) == ("", "")


def test_a_good_synth_from_outside_breaks_no_law_and_says_what_is_heard():
    verdicts = {v.law: v for v in examine_part(registry.find("synth", "mutant-parts:GoodOutside"))}
    assert [v for v in verdicts.values() if v.status == "failed"] == []
    assert verdicts["most sounds are heard and differ"].message == "Of 32 random sounds 0 are silent, 0 equal to another"


def test_every_law_has_a_mutant():
    checks = {law_of(kind, name).check for kind, name, *_ in MUTANTS}
    assert {law.name for kind in PART_LAWS for law in PART_LAWS[kind] if law.check not in checks} == set()
    assert {law.name for law in PACKAGE_LAWS} == set(PACKAGES)


SYNTH = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_synths(): return [Part({name!r}, {target!r})]\n"
SOUND = SYNTH.format(name="fine", target="mutants.synths:GoodSynth")
PACKAGES = {
    "plugin loads": {"source": "import no_such_module_at_all", "says": "no_such_module_at_all"},
    "hook module imports neither torch nor numpy": {"source": "import numpy\n" + SOUND, "says": "brought numpy"},
    "hook module is quick": {"source": "import time; time.sleep(0.25)\n" + SOUND, "says": "took "},
    "targets resolve": {"source": SYNTH.format(name="gone", target="mutants.synths:Gone"), "says": "no attribute 'Gone'"},
    "wheel holds the targets": {"source": SOUND, "says": "none of the 1 files", "record": ["{module}.py"]},
    "imports are declared": {"source": "import pytest\n" + SOUND, "says": "imports pytest"},
    "names are free": {"source": SYNTH.format(name="GoodSynth", target="mutants.synths:GoodSynth"), "says": "mutant-parts"},
}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_broken_package_is_caught_by_its_law(name, site):
    case = PACKAGES[name]
    distribution = "broken-" + name.replace(" ", "-")
    record = [file.format(module=distribution.replace("-", "_")) for file in case.get("record", [])] or None
    write(site, distribution, case["source"], record)
    registry.plugins.cache_clear()
    (law,) = [law for law in PACKAGE_LAWS if law.name == name]
    verdict = judge(law, Package(distribution))
    assert verdict.status == "failed", verdict
    assert case["says"] in verdict.message


def test_a_good_package_breaks_no_law(site):
    write(site, "fine-parts", SOUND.replace("mutants", "fine_synth").replace("'fine'", "'finer'"), fine_synth=SOURCE)
    registry.plugins.cache_clear()
    verdicts = list(examine("Fine_Parts"))
    assert [v for v in verdicts if v.status != "ok" and v.law != "device follows the input"] == []
