"""A Faust program's interface is the space, its samples are Faust's, and what is wrong with it is said."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import invsound

EXAMPLES = Path(__file__).parents[3] / "examples" / "faust"
SHORT = {"num_samples": 256, "sample_rate": 8000}
NUMBERS = """
import("stdfaust.lib");
a = hslider("a[unit:Hz][scale:log][tooltip:first]", 200, 100, 1000, 0.1);
b = vslider("b", 1, 0, 10, 4);
c = nentry("c", 2, 2, 2, 1);
d = hslider("d", 0, 0, 1, 5);
e = nentry("1 e", 3, 1, 4, 1);
low = vgroup("low", hslider("q", 1, 0, 1, 0.001));
high = vgroup("high", hslider("q", 1, 0, 2, 0.001));
process = a + b + c + d + e + low + high;
"""
WORDS = """
import("stdfaust.lib");
wave = nentry("wave[style:menu{'sine':5;'saw tooth':7;'saw tooth':9}]", 7, 0, 9, 1);
kind = hslider("kind[style:radio{'hard':0;'soft':1}]", 1, 0, 1, 1);
one = nentry("one[style:menu{'only':3}]", 3, 0, 3, 1);
on = checkbox("on");
process = wave, 10 * kind, 100 * on, 1000 * one :> _;
"""
VOICE = """
process = hslider("freq", 440, 50, 2000, 0.01) + 10000 * hslider("gain", 0.5, 0, 1, 0.01) + 100000 * button("gate") + x;
x = hslider("x", 0, 0, 1, 0.01);
"""


@pytest.fixture
def faust(tmp_path):
    """A synth of a program: `faust(source, option=value)`."""

    def make(source, name="program", **options):
        path = tmp_path / f"{name}.dsp"
        path.write_text(source)
        return invsound.make("synth", "faust", file=str(path), **{"level": "program"} | SHORT | options)

    return make


def sound(synth, **values):
    return synth(synth.space.values(values)[None])[0]


def test_numbers_are_parameters_with_their_range_unit_scale_and_steps(faust):
    synth = faust(NUMBERS)
    assert synth.space.describe() == ("_1_e (1–4, step 1), a (100–1000 Hz, log), b (0–8, step 4), d (0–1), high_q (0–2), low_q (0–1)")
    assert synth.space[1].doc == "first"
    assert sound(synth, a=300, b=4, d=0.5, _1_e=3, low_q=0.25, high_q=0).tolist() == pytest.approx([300 + 4 + 2 + 0.5 + 3 + 0.25] * 256)


def test_menus_radios_and_checkboxes_are_choices(faust):
    synth = faust(WORDS)
    options = {p.name: p.options for p in synth.space}
    assert options == {"kind": ("hard", "soft"), "on": ("off", "on"), "wave": ("sine", "saw tooth (7)", "saw tooth (9)")}
    assert sound(synth, wave="sine", kind="soft", on="on")[0] == 5 + 10 + 100 + 3000
    assert sound(synth, wave="saw tooth (9)", kind="hard", on="off")[0] == 9 + 3000


def test_what_is_not_free_is_fixed(faust):
    assert faust(NUMBERS, free=["b", "low_q"]).space.names == ("b", "low_q")
    assert sound(faust(NUMBERS, free=["b"]), b=8)[0] == pytest.approx(200 + 8 + 2 + 0 + 3 + 1 + 1)  # as the program sets them
    synth = faust(WORDS, fix={"wave": "sine", "on": True})
    assert synth.space.names == ("kind",)
    assert sound(synth, kind="hard")[0] == 5 + 100 + 3000


def test_the_convention_of_polyphony(faust):
    assert faust(VOICE).space.names == ("freq", "x")
    assert faust(VOICE, velocity=None, note="60").space.names == ("gain", "x")
    x = sound(faust(VOICE, note="69", velocity=0, gate=0.01), x=0)
    assert x[:80].tolist() == [100440.0] * 80
    assert x[80:].tolist() == [440.0] * 176
    assert sound(faust(VOICE, note="300 Hz", velocity=127), x=0)[-1] == pytest.approx(10300 + 100000)  # held to the end: 0.25 s
    key = 'process = nentry("key", 60, 0, 127, 1) + nentry("vel", 60, 0, 127, 1) * 1000 + hslider("x", 0, 0, 1, 0.01);'
    assert sound(faust(key, note="440Hz", velocity=3), x=0)[0] == 3069


def test_outputs_are_averaged_and_scaled_to_a_peak_of_one(faust):
    two = 'process = hslider("x", 1, 1, 4, 0.001), 0;'
    assert sound(faust(two), x=3)[5] == 1.5
    assert sound(faust(two, level="peak"), x=3)[5] == 1
    assert faust(two).peak is None
    assert faust(two, level="peak").peak == 1


def test_every_sound_begins_from_silence_with_the_same_noise(faust):
    synth = faust('import("stdfaust.lib"); process = no.noise * hslider("x", 0, 0, 1, 0.001) : + ~ *(0.999);')
    theta = synth.space.to_theta(torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None])
    x = synth(theta)
    assert torch.equal(synth(theta.flip(0)).flip(0), x)
    assert torch.equal(torch.cat([synth(row[None]) for row in theta]), x)
    assert len(x.unique(dim=0)) == 9


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("process = foo(1);", "no program that Faust compiles. program.dsp:1 : ERROR : undefined symbol : foo"),
        ("process = 1 ;\nx = (2 ;", "program.dsp:2 : ERROR : syntax error"),
        ('import("nothing.lib"); process = 1;', "unable to open file nothing.lib. Libraries are looked for beside the program"),
        ("process = _;", "is an effect, with 1 input: a synthesizer has none"),
        ("process = 1;", "has no control, so that there is nothing to find"),
        ('process = button("gate");', "has nothing to be found: its controls are gate (/program/gate)"),
        ('process = hslider("a", 0, 0, 1, 0.1) + hslider("a", 0, 0, 2, 0.1);', "path '/program/a' is already used"),
        ('process = !(hslider("a", 0, 0, 1, 0.1));', "has no output"),
        ('process = 0, hslider("a", 0, 0, 9, 1) : soundfile("s[url:{\'a.wav\'}]", 1) : !, !, _;', "plays sound files"),
    ],
)
def test_what_is_wrong_with_a_program_is_said(faust, source, says):
    with pytest.raises(invsound.UsageError) as caught:
        faust(source)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"free": ["decoy"]}, "has no control 'decoy': its controls are kind"),
        ({"fix": {"wave": "sin"}}, "fix: wave = 'sin' is no option. Did you mean 'sine'?"),
        ({"free": ["on"], "fix": {"on": True}}, "on cannot be free: it is fixed as well"),
        ({"free": ["one"]}, "one cannot be free: it has one value only"),
        ({"note": "A4"}, "note is a MIDI number"),
        ({"digest": "0" * 16}, "was changed since"),
    ],
)
def test_what_is_wrong_with_an_option_is_said(faust, options, says):
    with pytest.raises(invsound.UsageError) as caught:
        faust(WORDS, **options)
    assert says in str(caught.value)


def test_there_is_to_be_a_file(tmp_path):
    for given, says in [
        ({}, "which program"),
        ({"file": str(tmp_path / "no.dsp")}, "there is no program"),
        ({"file": str(tmp_path)}, "no program"),
    ]:
        with pytest.raises(invsound.UsageError, match=says):
            invsound.make("synth", "faust", **given)


def test_an_edited_program_or_library_is_another_one(faust, tmp_path):
    (tmp_path / "mine.lib").write_text("gain = 2;")
    source = 'import("mine.lib"); process = gain * hslider("x", 0, 0, 1, 0.001);'
    first = faust(source)
    assert sound(first, x=1)[0] == 2
    assert faust(source).options == first.options
    (tmp_path / "mine.lib").write_text("gain = 3;")
    second = faust(source)
    assert second.options.digest != first.options.digest
    assert sound(second, x=1)[0] == 3
    with pytest.raises(invsound.InvsoundError, match="was changed since"):
        invsound.make("synth", "faust", **vars(first.options))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.dsp")), ids=lambda path: path.stem)
def test_the_example_programs_are_heard_wherever_they_are(path):
    synth = invsound.make("synth", "faust", file=str(path), num_samples=4096, sample_rate=16000, gate=0.1)
    shares = torch.rand(8, len(synth.space), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = synth(synth.space.to_theta(synth.space.at(shares)))
    assert (x.abs().amax(1) == 1).all()
    assert len(x.unique(dim=0)) == 8
    assert len(synth.space) >= 5


def test_it_is_what_faust_computes(faust):
    """A sine of Faust's library against numpy, and blocks against one piece."""
    synth = faust('import("stdfaust.lib"); process = os.oscrs(hslider("f", 100, 50, 400, 0.01));', num_samples=3000)
    x = sound(synth, f=123).double().numpy()
    spectrum = np.abs(np.fft.rfft(x * np.hanning(3000), 30000))
    assert spectrum.argmax() * 8000 / 30000 == pytest.approx(123, abs=1)


def test_a_preset_is_what_the_program_is_told(faust):
    """Addresses and values of all controls, those that are fixed too, but of no button."""
    synth = faust(VOICE, note="60", fix={"x": 0.5}, velocity=None)
    told = json.loads(synth.preset_file({"gain": 0.25}, "any"))
    assert told == {"/program/freq": pytest.approx(261.6256), "/program/gain": 0.25, "/program/x": 0.5}
    words = faust(WORDS)
    told = json.loads(words.preset_file({"wave": "saw tooth (9)", "kind": "hard", "on": "on"}, "any"))
    assert told == {"/program/wave": 9, "/program/kind": 0, "/program/on": 1, "/program/one": 3}
