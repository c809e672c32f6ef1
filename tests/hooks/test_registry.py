"""A broken plugin never breaks anybody's morning."""

import json

import pytest

import invsound
from invsound import InvsoundError, UsageError
from invsound.hooks import registry

PART = "from invsound import Part, hookimpl\n"
GOOD = PART + "@hookimpl\ndef invsound_synths():\n    return [Part('tiny', 'tiny_parts:Tiny', 'a tiny synth')]\n"
BROKEN = {
    "import error": ("import no_such_module_at_all", "ModuleNotFoundError"),
    "syntax error": ("def (:", "SyntaxError"),
    "misspelt hook": (PART + "@hookimpl\ndef invsound_synth(): return []", "Did you mean 'invsound_synths'"),
    "wrong signature": (PART + "@hookimpl\ndef invsound_synths(extra): return []", "extra"),
    "newer api": (PART + "INVSOUND_API = 99", "plugin API 99"),
    "older api": (PART + "INVSOUND_API = -1", "plugin API -1"),
    "raising hook": (PART + "@hookimpl\ndef invsound_synths(): raise KeyError('boom')", "KeyError: 'boom'"),
    "not parts": (PART + "@hookimpl\ndef invsound_synths(): return ['tiny']", "list of invsound.Part"),
    "exits": ("raise SystemExit(3)", "SystemExit"),
}
BROKEN_PARTS = {
    "no such class": ("", "tiny_parts:Tiny", "AttributeError"),
    "missing dependency": ("import no_such_module_at_all", "tiny_parts:Tiny", "no_such_module_at_all"),
    "no options": ("class Tiny: pass", "tiny_parts:Tiny", "no Options"),
    "options no dataclass": ("class Tiny:\n    class Options: pass", "tiny_parts:Tiny", "no Options"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_listed_with_its_reason_and_everything_else_works(case, install, invsound):
    source, reason = BROKEN[case]
    install("stranger", source)
    listing = invsound("list-plugins", "--json")
    assert listing.exit_code == 0
    rows = json.loads(listing.stdout)
    (broken,) = rows["broken"]
    assert broken["distribution"] == "stranger"
    assert reason in broken["reason"]
    assert {"ploss", "pnp", "ftm", "jtfs"} <= {row["name"] for row in rows["parts"]}
    assert invsound("render", "--synth", "amfm", "synth.num_samples=256").exit_code == 0


@pytest.mark.parametrize("case", ["import error", pytest.param("newer api", marks=pytest.mark.slow)])
def test_doctor_says_how_to_do_without_a_broken_plugin(case, install, invsound):
    install("stranger", BROKEN[case][0])
    doctor = invsound("doctor")
    assert doctor.exit_code == 1
    assert "INVSOUND_DISABLE_PLUGINS=stranger" in doctor.stdout


@pytest.mark.parametrize("case", BROKEN_PARTS)
def test_a_broken_part_is_explained_when_it_is_asked_for(case, install, invsound):
    source, target, reason = BROKEN_PARTS[case]
    hook = PART + f"@hookimpl\ndef invsound_synths(): return [Part('tiny', {target!r})]"
    install("stranger", hook, tiny_parts=source)
    result = invsound("render", "--synth", "tiny")
    assert result.exit_code == 1
    assert "tiny (stranger 1.0)" in result.stderr
    assert reason in result.stderr
    assert invsound("list-plugins").exit_code == 0


def test_a_constructor_that_raises_names_the_part(install, invsound):
    head = "import dataclasses\n@dataclasses.dataclass\nclass O: pass\n"
    source = head + "class Tiny:\n    Options = O\n    def __init__(self, o): raise OSError('no vst')"
    install("stranger", GOOD, tiny_parts=source)
    result = invsound("render", "--synth", "tiny")
    assert result.exit_code == 1
    assert "tiny (stranger 1.0) failed while being built. OSError: no vst" in result.stderr


def test_a_disabled_plugin_is_not_imported(install, monkeypatch):
    install("stranger", "raise SystemExit")
    monkeypatch.setenv("INVSOUND_DISABLE_PLUGINS", "other, Stranger")
    registry.plugins.cache_clear()
    assert "stranger" not in {p.distribution for p in registry.plugins()}


def test_a_name_offered_twice_names_both_and_is_selected_by_distribution(install, tiny):
    install("zither", GOOD)
    with pytest.raises(UsageError, match="Say which: tiny-synth:tiny or zither:tiny"):
        registry.find("synth", "tiny")
    assert registry.find("synth", "zither:tiny").distribution == "zither"
    assert invsound.make("synth", "tiny-synth:tiny").signal.num_samples == 512


def test_a_part_is_made_by_name_with_options_by_keyword(tiny):
    synth = invsound.make("synth", "tiny", num_samples=64)
    assert synth.signal == invsound.Signal(8000, 64)


def test_unknown_names_say_what_there_is(tiny):
    with pytest.raises(UsageError, match=r"No synth named 'tinny'\. Did you mean 'tiny'\? Installed: .*tiny \(tiny-synth 1\.0\)"):
        invsound.make("synth", "tinny")
    with pytest.raises(UsageError, match="Kinds: synth, feature"):
        invsound.make("synthesizer", "tiny")
    with pytest.raises(UsageError, match="give signal="):
        invsound.make("feature", "mss")


def test_wrong_options_name_the_part_the_option_and_the_nearest_key(tiny):
    with pytest.raises(UsageError, match=r"synth tiny has no option 'num_sample'\. Did you mean 'num_samples'"):
        invsound.make("synth", "tiny", num_sample=64)
    with pytest.raises(UsageError, match=r"synth tiny: option num_samples takes an int, got 'many'\. The default is 512"):
        invsound.make("synth", "tiny", num_samples="many")
    with pytest.raises(InvsoundError, match="loss pnp"):
        invsound.make("loss", "pnp", problem=None, damping="sometimes")
