"""The documentation is whole: a page per hook, every command in the guide, links that lead somewhere. `nox -s docs` builds and runs it."""

import re
from pathlib import Path

import pytest
import typer

from invsound import cli, testing
from invsound.hooks import registry, specs

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)


def prose(page):
    """A page without its code."""
    return re.sub(r"^(`{3,}).*?^\1", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    """What may follow # in a link: explicit targets, and headings as they are slugged."""
    text = prose(page)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\s-]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE))


def links():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
            if not re.match(r"\w+:", target):
                yield pytest.param(page, target, id=f"{page.relative_to(DOCS)}→{target}")


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_hook_has_a_page_with_an_example_its_laws_and_its_contract(kind):
    hook = registry.KINDS[kind][0]
    page = DOCS / "hooks" / f"{hook.removeprefix('invsound_')}.md"
    text = page.read_text()
    assert hasattr(specs, hook)
    assert text.count(f"{hook}") >= 2, "named, and implemented"
    assert f"<!-- laws of {kind} -->" in text
    assert testing.PART_LAWS[kind]
    contract = f"{kind.capitalize()}Contract"
    assert hasattr(testing, contract)
    assert f"({contract})" in text


def every_command():
    return typer.main.get_command(cli.app).list_commands(None)


def test_every_command_is_in_the_guide():
    commands = every_command()
    assert {"run", "match"} <= set(commands)
    guide = (DOCS / "guide.md").read_text()
    assert [name for name in commands if f"`invsound {name}`" not in guide] == []


def test_no_command_is_documented_that_is_not_there():
    commands = set(every_command())
    text = "\n".join(page.read_text() for page in PAGES)
    blocks = re.findall(r"^```(?:bash|sh)\n(.*?)^```|`(invsound [^`]+)`", text, re.M | re.S)
    named = {name for block in blocks for name in re.findall(r"^\W*invsound ([a-z][a-z-]+)\b", "".join(block), re.M)}
    written_there = set(re.findall(r"def invsound_commands\(\):\n +return \[Part\(\"([\w-]+)", text))
    assert {"run", "match"} <= named <= commands | written_there


@pytest.mark.parametrize(("page", "target"), list(links()))
def test_links_lead_somewhere(page, target):
    path, _, anchor = target.partition("#")
    there = (page.parent / path).resolve() if path else page
    assert there.is_file()
    assert not anchor or anchor in anchors(there)


def test_every_page_is_in_a_table_of_contents():
    listed = {line for block in re.findall(r"```\{toctree\}(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL) for line in block.split()}
    assert [str(page) for page in PAGES if page.name != "index.md" and str(page.relative_to(DOCS).with_suffix("")) not in listed] == []


def test_the_gallery_is_small_and_whole():
    """Every file is on the page, every sound of a page is there, and all of them together load quickly."""
    folder, page = DOCS / "_static" / "gallery", (DOCS / "gallery.md").read_text()
    shown = set(re.findall(r'src="_static/gallery/([^"]+)"', page))
    assert shown == {path.name for path in folder.iterdir()}
    assert set(re.findall(r'src="_static/gallery/([^"]+)"', (DOCS / "index.md").read_text())) <= shown
    assert len([name for name in shown if name.endswith(".flac")]) > 8
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2 * 2**20


def test_files_named_by_the_map_of_the_paper_exist():
    root = DOCS.parent
    for name in re.findall(r"`((?:invsound|plugins)/[^`]+)`", (DOCS / "paper.md").read_text()):
        assert (root / name).exists(), name


def test_the_changelog_knows_this_version():
    from invsound import __version__

    assert f"## {__version__}" in (DOCS.parent / "CHANGELOG.md").read_text()
