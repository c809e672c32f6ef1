"""A voice is its bytes, and its sound; a match becomes a file that a DX7 loads."""

import json
import subprocess
import sys

import invsound
import pytest
import torch
from dexed import DexedSynth, Patch
from invsound.testing import SynthContract

from invsound_dx7 import syx, voice

SMALL = {"num_samples": 2048, "sample_rate": 16000, "hold": 0.05}


class TestDX7(SynthContract):
    part = "dx7"


def random_voice(seed):
    shares = torch.rand(145, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    space = invsound.Space(*(control.parameter for control in voice.CONTROLS.values()))
    return space.named(space.to_theta(space.at(shares)))


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "invsound_dx7", *map(str, arguments)], capture_output=True, text=True)


def test_there_are_145_controls_and_a_voice_comes_back():
    assert len(voice.CONTROLS) == 145
    for seed in range(5):
        values = random_voice(seed)
        one = voice.encoded(values, f"VOICE {seed}")
        assert (voice.decoded(one), voice.title(one), len(one)) == (values, f"VOICE {seed}", 155)
        assert syx.unpacked(syx.packed(one)) == one


def test_bytes_are_those_that_others_read(tmp_path):
    """dexed-py's own reader finds in our bank what we have written."""
    voices = [voice.encoded(random_voice(seed), f"V{seed}") for seed in range(5)]
    (tmp_path / "bank.syx").write_bytes(syx.bank(voices))
    theirs = Patch.load_bank(str(tmp_path / "bank.syx"))
    assert [patch.to_sysex()[:155] for patch in theirs[:5]] == voices
    assert theirs[9].name == "INIT VOICE"
    assert len(syx.bank(voices)) == 4104
    assert len(syx.single(voices[0])) == 163
    patch = Patch.from_sysex(voice.encoded({"algorithm": "5", "op2_detune": -3, "op6_coarse": 7, "lfo_wave": "square", "transpose": 12}))
    found = patch.algorithm, patch.op[1].detune, patch.op[5].frequency_coarse, patch.lfo.wave, patch.transpose
    assert found == (4, 4, 7, "square", 36)


def test_files_come_back_and_damage_is_seen(tmp_path):
    voices = [voice.encoded(random_voice(seed), "V") for seed in range(3)]
    path = tmp_path / "a.syx"
    path.write_bytes(syx.single(voices[0]) + bytes([0xF0, 0x7E, 0xF7]) + syx.bank(voices))
    assert syx.read(path)[:4] == [voices[0], *voices]
    content = bytearray(syx.single(voices[0]))
    content[20] ^= 1
    path.write_bytes(content)
    for damaged, says in [(bytes(content), "damaged"), (b"RIFF", "no DX7 voice"), (b"", "no DX7 voice")]:
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=says):
            syx.read(path)


def test_it_sounds_as_dexed_does(tmp_path):
    values = random_voice(3)
    (tmp_path / "v.syx").write_bytes(syx.single(voice.encoded(values)))
    synth = invsound.make("synth", "dx7", preset=str(tmp_path / "v.syx"), free=["feedback"], level="voice", **SMALL)
    engine = DexedSynth(16000)
    engine.load_patch(Patch.from_sysex(voice.encoded(values)))
    x = torch.from_numpy(engine.render(60, 100, 0.05, 0.5)[:2048])
    assert torch.equal(synth(synth.space.values({"feedback": values["feedback"]})[None])[0].float(), x)
    assert len(invsound.make("synth", "dx7", **SMALL).space) == 145


def test_a_preset_is_a_voice_with_what_is_fixed(tmp_path):
    (tmp_path / "v.syx").write_bytes(syx.single(voice.encoded(random_voice(3))))
    synth = invsound.make("synth", "dx7", preset=str(tmp_path / "v.syx"), free=["feedback"], fix={"algorithm": 5}, **SMALL)
    (tmp_path / "w.syx").write_bytes(synth.preset_file({"feedback": 2}, "Größe 1/2, long"))
    (one,) = syx.read(tmp_path / "w.syx")
    assert voice.decoded(one) == random_voice(3) | {"algorithm": "5", "feedback": 2}
    assert (voice.title(one), synth.preset_suffix) == ("Gr??e 1/2,", ".syx")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"free": ["cutoff"]}, "has no control 'cutoff'"),
        ({"fix": {"algorithm": 33}}, "fix: algorithm = 33 is no option"),
        ({"fix": {"feedback": 8}}, "fix: feedback = 8 is out of bounds"),
        ({"fix": {"feedback": 7}, "free": ["feedback"]}, "feedback cannot be free and fixed"),
        ({"preset": "nothing.syx"}, "cannot be read"),
        ({"preset": "nothing.syx:x"}, "a preset is FILE.syx or FILE.syx:NUMBER"),
        ({"preset": "one.syx:2"}, "has 1 voice, got number 2"),
        ({"preset": "one.syx", "digest": "0"}, "was changed since"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.syx").write_bytes(syx.single(voice.encoded({})))
    with pytest.raises(invsound.UsageError) as caught:
        invsound.make("synth", "dx7", **options)
    assert says in str(caught.value)


def test_matches_become_voices_and_banks_become_tables(tmp_path):
    (tmp_path / "base.syx").write_bytes(syx.single(voice.encoded(random_voice(1))))
    for k in (1, 2):
        (tmp_path / f"match{k}.json").write_text(json.dumps({"parameters": {"algorithm": "7", "feedback": k}}))
    matches, base = [tmp_path / f"match{k}.json" for k in (1, 2)], tmp_path / "base.syx"
    assert run("syx", matches[0], tmp_path / "one.syx", "--preset", base, "--name", "Mine").stdout == f"{tmp_path / 'one.syx'}: Mine\n"
    (one,) = syx.read(tmp_path / "one.syx")
    assert voice.decoded(one) == random_voice(1) | {"algorithm": "7", "feedback": 1}
    assert run("syx", *matches, tmp_path / "bank.syx").returncode == 0
    assert [voice.decoded(v)["feedback"] for v in syx.read(tmp_path / "bank.syx")[:3]] == [1, 2, 0]
    assert run("csv", tmp_path / "bank.syx", tmp_path / "bank.csv").stdout == f"{tmp_path / 'bank.csv'}: 32 voices\n"
    header, *rows = (tmp_path / "bank.csv").read_text().splitlines()
    assert header.split(",") == ["name", *voice.CONTROLS]
    assert len(rows) == 32
    (tmp_path / "other.json").write_text(json.dumps({"parameters": {"omega": 1}}))
    refused = run("syx", tmp_path / "other.json", tmp_path / "x.syx")
    assert (refused.returncode, "is no match of a DX7: it has a parameter 'omega'" in refused.stderr) == (1, True)
