"""Values are data: nothing in a file or an override is interpolated, and every text comes back as it was."""

import pytest

from invsound import UsageError
from invsound.hooks import options
from invsound.runs import config, folder
from invsound.system import plainyaml

TEXTS = [
    "${oc.env:HOME}", "a ${x", "${", "\\${x}", "\\\\${x}", "$${a}", "it is '${a}'", "3e-4", "yes", "null", "", "~", "<<",
    "2001-01-01", "a: b", "tom #1.wav", "tom=1.wav", " tom ", "a\nb", "\x85", "a\u2028b", "\x07\x00", "caf\udce9.wav", "0x1f", "1_000",
    "C:\\sounds\\",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_back_from_yaml_and_from_options(text):
    assert plainyaml.load(plainyaml.dump({"a": [text], text: text})) == {"a": [text], text: text}


@pytest.mark.parametrize("text", ["${oc.env:HOME}", "a ${x", "\\${x}", "${seed}.wav", "caf\udce9.wav", "3e-4"])
def test_a_file_name_goes_through_a_config_unchanged(text, tiny, tmp_path):
    name = f"/sounds/{text}"
    given = {"parts": {"synth": tiny, "feature": "mss"}, "evaluate": {"targets": [name]}, "data": {"csv": name}}
    made = config.resolve(given)
    with folder.created(tmp_path / "run", made) as path:
        again = config.load(path / "config.yaml")
    assert again == made
    assert (again.data.csv, again.evaluate.targets) == (name, [name])


def test_the_environment_is_not_read(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET", "told")
    (tmp_path / "options.yaml").write_text("data: {csv: '${oc.env:SECRET}'}\nevaluate:\n  targets: ['${oc.env:SECRET}']\n")
    assert "told" not in str(options.from_file(tmp_path / "options.yaml"))
    assert options.from_overrides(["data.csv=${oc.env:SECRET}"]) == {"data": {"csv": "${oc.env:SECRET}"}}


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2", "&a [*a]", "[" * 4000, "a: !!python/object/apply:os.system [ls]", "{[1]: 2}", f"a: {'1' * 5000}", "!!set {a}",
        "\n".join(["a0: &a0 [x]", *(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12))]),
        "\n".join(["a0: &a0 {x: 1}", *(f"a{i}: &a{i} {{<<: [{','.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 12))]),
    ],
    ids=["twice", "circle", "deep", "object", "key", "long", "set", "billion", "merges"],
)  # fmt: skip
def test_what_is_no_plain_value_is_said(text, tmp_path):
    (tmp_path / "options.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"options\.yaml"):
        options.from_file(tmp_path / "options.yaml")
