"""A new plugin package works untouched: it is complete, its names are possible and free, nothing is overwritten."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

import invsound as api
from invsound.authoring import scaffold
from invsound.errors import UsageError
from invsound.hooks import registry
from invsound.testing import toys

KINDS = {
    "synth": "clang", "feature": "rough", "loss": "heard", "optimizer": "signs", "encoder": "tiny", "solver": "dice", "logger": "table",
    "executor": "each", "command": "levels",
}  # fmt: skip
EVERY_KIND = {kind: [name] for kind, name in KINDS.items()}


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A package with a part of every kind, on the path as pip install -e would put it there."""
    made = scaffold.write("invsound-clang", EVERY_KIND, tmp_path / "clang")
    source = made.folder / "src"
    info = source / "invsound_clang-0.1.0.dist-info"
    info.mkdir()
    project = (made.folder / "pyproject.toml").read_text()
    module, target = re.search(r'\[project.entry-points.invsound\]\n(\w+) = "(.+)"', project).groups()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: invsound-clang\nVersion: 0.1.0\nRequires-Dist: invsound\nRequires-Dist: torch\n"
    )
    (info / "entry_points.txt").write_text(f"[invsound]\n{module} = {target}\n")
    monkeypatch.syspath_prepend(str(source))
    registry.plugins.cache_clear()
    yield made
    for name in [name for name in sys.modules if name.split(".")[0] == "invsound_clang"]:
        del sys.modules[name]
    registry.plugins.cache_clear()


def test_the_package_is_complete(written):
    parts = {f"src/invsound_clang/{name}.py" for name in KINDS.values()} | {f"tests/test_{name}.py" for name in KINDS.values()}
    others = {"pyproject.toml", "README.md", "LICENSE", ".gitignore", ".github/workflows/tests.yml", "src/invsound_clang/__init__.py"}
    assert set(written.files) == parts | others
    assert all((written.folder / path).read_text().endswith("\n") for path in written.files)


def test_every_kind_with_a_hook_for_training_or_matching_has_a_template():
    assert set(scaffold.SUMMARIES) == set(registry.KINDS) - {"score", "pretrained"}


def test_its_hook_module_is_light_and_offers_what_was_asked_for(written):
    source = (written.folder / "src" / "invsound_clang" / "__init__.py").read_text()
    assert {node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)} == {"invsound"}
    plugin = next(p for p in registry.plugins() if p.distribution == "invsound-clang")
    assert not plugin.broken
    assert {o.kind: o.part.name for o in plugin.offers} == KINDS


def test_every_part_is_made_by_name_and_works(written):
    synth = api.make("synth", "clang", num_samples=2000)
    feature = api.make("feature", "rough", signal=synth.signal)
    problem = api.Problem(synth, feature)
    nu = torch.linspace(-0.5, 0.5, 6).reshape(2, 3)
    loss = api.make("loss", "heard", problem=problem)
    encoder = api.make("encoder", "tiny", signal=synth.signal, num_outputs=3)
    nu_hat = encoder(encoder.prepare(problem.render(nu)))
    optimizer = api.make("optimizer", "signs", params=encoder.parameters())
    side = loss.prepare(nu)
    loss.calibrate(side)
    before = loss(nu_hat, nu, side).sum()
    before.backward()
    optimizer.step()
    assert loss(encoder(encoder.prepare(problem.render(nu))), nu, side).sum() < before
    found = api.make("solver", "dice").solve(toys.Linear(), torch.zeros(4), torch.full((1, 3), 0.5))
    assert found.distance < 0.01
    with api.make("executor", "each") as executor:
        assert executor.submit(divmod, 7, 2).result() == (3, 1)


@pytest.mark.parametrize(("kind", "option", "value"), [("synth", "ratio", 0), ("loss", "exponent", 2), ("solver", "radius", -1.0)])
def test_its_options_are_checked(written, kind, option, value):
    cls = registry.load(registry.find(kind, KINDS[kind]))
    with pytest.raises(ValueError, match=option):
        cls.Options(**{option: value})


def test_its_own_tests_pass(written):
    path = os.pathsep.join([str(written.folder / "src"), str(Path(api.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(written.folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout


def test_without_a_part_it_has_a_synth_named_after_the_package(invsound):
    result = invsound("new-plugin", "invsound-gong-ageng", "--json")
    assert result.exit_code == 0
    made = json.loads(result.stdout)
    assert made["next"] == [
        "pip install -e invsound-gong-ageng pytest",
        "pytest invsound-gong-ageng",
        "invsound run --synth gong-ageng --feature jtfs",
    ]
    assert "class GongAgeng(invsound.Synth)" in Path("invsound-gong-ageng/src/invsound_gong_ageng/gong_ageng.py").read_text()


def test_it_says_what_to_type_next(invsound):
    lines = invsound("new-plugin", "kit", "--synth", "clang", "--feature", "rough", "--out", "a folder/kit").stdout.splitlines()
    assert [line.strip() for line in lines[1:]] == [
        "pip install -e 'a folder/kit' pytest",
        "pytest 'a folder/kit'",
        "invsound run --synth clang --feature rough",
    ]


def test_a_solver_is_tried_on_a_sound_that_a_synth_makes(invsound):
    last = invsound("new-plugin", "kit", "--solver", "dice").stdout.splitlines()[-1]
    assert re.fullmatch(r"  invsound render --synth \S+ --out target.wav && invsound match target.wav .* --solver dice", last)


def test_parts_of_two_kinds_may_share_a_name():
    made = scaffold.write("kit", {"synth": ["clang", "chime"], "loss": ["clang"]})
    assert {"src/kit/clang_synth.py", "src/kit/clang_loss.py", "src/kit/chime.py"} <= set(made.files)
    assert 'Part("clang", "kit.clang_loss:ClangLoss"' in Path("kit/src/kit/__init__.py").read_text()


LENGTHS = [("kit", {kind: [kind] for kind in KINDS}), ("b" * 32, {kind: ["a" * 30] for kind in KINDS}), ("invsound-clang", EVERY_KIND)]


@pytest.mark.parametrize(("name", "parts"), LENGTHS)
def test_every_source_compiles_and_fits_the_page(name, parts):
    made = scaffold.write(name, parts)
    for path in made.files:
        if path.endswith(".py"):
            text = (made.folder / path).read_text()
            compile(text, path, "exec")
            assert max(map(len, text.splitlines())) <= 140, path


@pytest.mark.parametrize(("name", "parts"), LENGTHS)
def test_ruff_finds_nothing(name, parts):
    pytest.importorskip("ruff")
    made = scaffold.write(name, parts)
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, "--no-cache", str(made.folder)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_author_holds_the_rights():
    scaffold.write("kit", {}, author='Ann "Bell" Ö')
    assert 'Ann "Bell" Ö' in Path("kit/LICENSE").read_text()
    assert r'authors = [{ name = "Ann \"Bell\" Ö" }]' in Path("kit/pyproject.toml").read_text()
    scaffold.write("kat", {})
    assert "the authors" in Path("kat/LICENSE").read_text()
    assert "authors =" not in Path("kat/pyproject.toml").read_text()
    with pytest.raises(UsageError, match="one line"):
        scaffold.write("kot", {}, author="two\nlines")


def test_nothing_is_overwritten(invsound):
    Path("invsound-clang").mkdir()
    (Path("invsound-clang") / "work.py").write_text("months")
    result = invsound("new-plugin", "invsound-clang")
    assert result.exit_code == 2
    assert "exists, and nothing in it was touched" in result.stderr
    assert [path.name for path in Path("invsound-clang").iterdir()] == ["work.py"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Invsound_Bell"], "Did you mean 'invsound-bell'"),
        (["bell--x"], "single hyphens"),
        (["1bell"], "begins with a letter"),
        (["b" * 33], "at most 32"),
        (["json"], "Python's standard library"),
        (["torch"], "belongs to torch"),
        (["invsound"], "is taken"),
        (["class"], "a word of Python's own"),
        (["kit", "--synth", "None"], "lowercase letters"),
        (["kit", "--synth", "none"], "a word of Python's own"),
        (["kit", "--feature", "../x"], "lowercase letters"),
        (["kit", "--loss", "a", "--loss", "a"], "is given twice"),
        (["kit", "--optimizer", "adam"], "already, from invsound"),
        (["kit", "--synth", "a", "--loss", "a", "--encoder", "a-loss"], "would share a file"),
    ],
)
def test_names_are_possible_and_free(invsound, arguments, said):
    result = invsound("new-plugin", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not Path("kit").exists()


def test_a_package_may_be_written_anew_while_it_is_installed(written):
    again = scaffold.write("invsound-clang", EVERY_KIND, Path("again"))
    assert again.files == written.files


@pytest.mark.parametrize(
    ("origin", "readme", "ci"),
    [
        (None, 'pip install "invsound>=0.1,<0.2" .', "invsound>=0.1,<0.2"),
        (
            {"url": "file:///home/x", "dir_info": {"editable": True}},
            "pip install path/to/invsound path/to/invsound/plugins/* .",
            "invsound>=0.1,<0.2",
        ),
        ({"url": "https://h.org/i.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}}, None, "git+https://h.org/i.git@ab12"),
    ],
)
def test_readme_and_ci_say_where_invsound_comes_from(origin, readme, ci, monkeypatch):
    text = None if origin is None else json.dumps(origin)
    monkeypatch.setattr("importlib.metadata.Distribution.read_text", lambda self, name: text, raising=False)
    monkeypatch.setattr("importlib.metadata.PathDistribution.read_text", lambda self, name: text)
    monkeypatch.setattr(registry, "plugins", lambda: ())
    monkeypatch.setattr("invsound.hooks.installed.owners", lambda module: set())
    made = scaffold.write("invsound-gong", {}, Path("gong"))
    assert (readme or f'pip install "{ci}" .') in (made.folder / "README.md").read_text()
    (step,) = [s for s in yaml.safe_load((made.folder / ".github/workflows/tests.yml").read_text())["jobs"]["tests"]["steps"] if "env" in s]
    assert step["env"]["INVSOUND"] == f"${{{{ vars.INVSOUND || '{ci}' }}}}"
    failing = subprocess.run(
        ["bash", "-c", step["run"]],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "INVSOUND": "./no-such-folder"},
    )
    assert failing.returncode == 1
    assert "Set the repository variable INVSOUND" in failing.stdout
