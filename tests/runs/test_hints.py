"""What was meant: by options without their group, parameters given as options, parts called by what they are, parts not named at all."""

import pytest

from invsound import UsageError
from invsound.hooks import registry
from invsound.runs import config

RUN = ["run", "--synth", "ftm", "--feature", "mss"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*RUN, "epochs=3"], "Did you mean train.epochs?"),
        ([*RUN, "--loss", "pnp", "epochs=3"], "Did you mean train.epochs or loss.epochs?"),
        ([*RUN, "epoch=3"], "Did you mean train.epochs?"),
        ([*RUN, "num_modes=3"], "Did you mean synth.num_modes?"),
        ([*RUN, "omega=3"], "omega is a parameter of the synth ftm: invsound render --synth ftm omega=VALUE"),
        ([*RUN, "synth.omega=3"], "omega is a parameter of the synth ftm"),
        (["match", "x.wav", *RUN[1:], "omega=3"], "invsound match --fix omega=VALUE holds it"),
        (["match", "x.wav", *RUN[1:], "candidates=3"], "Did you mean match.candidates?"),
        (["match", "x.wav", *RUN[1:], "match=3"], "match is a group of options, got 3"),
        (["match", "x.wav", *RUN[1:], "match.fix=[1]"], "option fix takes a dict"),
        (["match", "x.wav", *RUN[1:], "match.candidates=0"], "1 to 1000000, got 0"),
        (["match", "x.wav", *RUN[1:], "match.budget=.nan"], "above 0 and at most 10000000 s, got nan"),
        (["render", "--synth", "ftm", "num_modes=3"], "Did you mean synth.num_modes?"),
        (["render", "--synth", "ftm", "synth=3"], "synth is a group of options"),
        (["run", "--synth", "FTM", "--feature", "mss"], "Did you mean 'ftm'?"),
        (["run", "--synth", "membrane", "--feature", "mss"], "Did you mean 'ftm' (synth: "),
        (["list-plugins", "FTM"], "Did you mean 'ftm'?"),
        (["list-plugins", "rectangular drum"], "Did you mean 'ftm' (synth: "),
        (["check-plugin", "fm2"], "Did you mean 'invsound-ftm', which offers 'ftm'?"),
        (["check-plugin", "invsound-ftn"], "Did you mean 'invsound-ftm'?"),
        (["run", "--synth", "ftm"], "Which feature? Give --feature NAME. Installed: jtfs"),
        (["run", "--synth", "ftm", "--feature", ""], "Which feature? '' is no name."),
        (["match", "x.wav", "--synth", "ftm"], "Which feature?"),
        (["render"], "Which synth?"),
        (["doctor", "radius", "--synth", "ftm"], "Which feature?"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_what_was_meant_is_said(arguments, said, invsound):
    result = invsound(*arguments)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


def test_the_only_one_there_is_needs_no_name(monkeypatch):
    monkeypatch.setenv("INVSOUND_DISABLE_PLUGINS", "invsound-jtfs,invsound-scores")
    registry.plugins.cache_clear()
    resolved = config.resolve({"parts": {"synth": "ftm"}})
    assert resolved.parts == {"synth": "ftm", "feature": "mss", "loss": "ploss", "optimizer": "adam", "encoder": "cnn"}
    monkeypatch.undo()
    registry.plugins.cache_clear()
    with pytest.raises(UsageError, match="Which feature"):
        config.resolve({"parts": {"synth": "ftm"}})


def test_a_package_that_offers_the_name_of_a_default_changes_no_default(install):
    hook = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_losses():\n    return [Part('ploss', 'aaa_parts:Loss')]\n"
    install("aaa", hook, aaa_parts="")
    chosen = config.resolve({"parts": {"synth": "ftm", "feature": "mss"}}).parts["loss"]
    assert registry.find("loss", chosen).distribution == "invsound"


def test_help_shows_the_defaults(invsound):
    text = " ".join(invsound("run", "--help").stdout.split())
    for word in ("ploss", "adam", "cnn", "asked for, unless only one is installed"):
        assert word in text
