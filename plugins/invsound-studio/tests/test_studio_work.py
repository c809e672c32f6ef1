"""What the studio does with sounds and searches; what goes wrong is a sentence, and it goes on."""

import subprocess
import sys
import time

import numpy as np
import pytest

SETTING = {"synth": "bell", "feature": "mss", "solver": "", "lines": ["feature.n_fft=[256]", "match.candidates=8"]}
MIDDLE = {"f": 440.0, "tau": 0.03, "wave": "dull"}


@pytest.fixture
def sent(studio, wav):
    """The name that the studio gives a sound."""
    return lambda x, name="tone.wav": studio("POST", f"sounds?name={name}", content=wav(x)).json()["id"]


def ended(studio, search, seconds=120, **more):
    """The search, when it is over."""
    for _ in range(10 * seconds):
        (one,) = [one for one in studio("GET", "searches", **more).json() if one["id"] == search]
        if one["state"] not in ("waiting", "searching"):
            return one
        time.sleep(0.1)
    raise AssertionError(one)


def test_a_sound_is_matched_and_its_knobs_are_turned(studio, sent, tone):
    bench = studio("POST", "bench", json={"setting": SETTING}).json()
    assert [p["name"] for p in bench["space"]] == ["f", "tau", "wave"]
    assert {"key": "synth.num_samples", "value": "2048", "help": "length of the sound, samples"} in bench["options"]
    sound = sent(tone())
    target = {"sound": sound}
    heard = studio("POST", "hear", json={"setting": SETTING, "target": target}).json()
    assert heard["notes"] == ["peak normalised from 0.484 to 1"]
    search = studio("POST", "searches", json={"setting": SETTING, "target": target, "budget": "20s", "fix": {"wave": "dull"}}).json()
    assert search["command"] == (
        "invsound match tone.wav --synth bell --feature mss 'feature.n_fft=[256]' match.candidates=8 'match.budget=\"20s\"' "
        '\'match.fix={"wave": "dull"}\''
    )
    one = ended(studio, search["id"])
    assert one["state"] == "found", one
    assert one["curve"][-1][1] <= one["curve"][0][1]
    match = studio("GET", f"searches/{one['id']}").json()
    assert match["parameters"]["f"] == pytest.approx(440, rel=1e-3)
    assert (match["name"], match["options"], match["determined"].get("wave")) == ("tone.wav", SETTING["lines"], None)
    x = np.frombuffer(studio("GET", f"searches/{one['id']}/target").content, np.float32)
    assert len(x) == 2048
    assert abs(x).max() > 0.1
    near, far = (
        studio("POST", "measure", json={"setting": SETTING, "values": values, "target": {"search": one["id"]}}).json()["distance"]
        for values in (match["parameters"], match["parameters"] | {"f": 500.0})
    )
    assert near == pytest.approx(match["distance"], rel=1e-2, abs=1e-3)
    assert far > 2 * near
    opened = studio("POST", "open", json=match).json()
    assert opened["setting"] == SETTING | {"solver": "lm"}
    sounds = [
        np.frombuffer(studio("POST", "render", json={"setting": SETTING, "values": v}).content, np.float32)
        for v in (MIDDLE, MIDDLE | {"f": 500.0})
    ]
    assert len(sounds[0]) == 2048
    assert np.abs(sounds[0] - sounds[1]).max() > 0.1


def test_a_part_of_a_sound_is_compared(studio, sent, tone):
    x = np.concatenate([tone(200), tone(700)])
    sound = sent(x)
    whole, later = (
        studio("POST", "hear", json={"setting": SETTING, "target": {"sound": sound} | part}).json()["x"]
        for part in ({}, {"begin": 0.256, "end": 0.5})
    )
    assert whole != later
    refused = studio("POST", "hear", json={"setting": SETTING, "target": {"sound": sound, "begin": 0.4, "end": 0.2}})
    assert (refused.status_code, "before its beginning" in refused.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"Dear sir, this is no sound.\n" * 9, "letter.txt is not a sound file, or is damaged. Give WAV, FLAC, OGG, AIFF or MP3."),
        (b"", "letter.txt is not a sound file"),
        (lambda wav: wav([]), "letter.txt is empty"),
        (lambda wav: wav([0.5] * 100)[:60], "letter.txt"),
    ],
)
def test_what_is_no_sound_is_said(body, said, studio, wav):
    refused = studio("POST", "sounds?name=letter.txt", content=body(wav) if callable(body) else body)
    if refused.status_code == 200:  # a header without its sound: said where it is heard
        refused = studio("POST", "hear", json={"setting": SETTING, "target": {"sound": refused.json()["id"]}})
    assert refused.status_code == 400
    assert said in refused.json()["error"]
    assert "/" not in refused.json()["error"]


def test_silence_is_said(studio, sent):
    sound = sent(np.zeros(2000), "nothing.wav")
    refused = studio("POST", "hear", json={"setting": SETTING, "target": {"sound": sound}})
    assert refused.json()["error"] == "nothing.wav is silent (below −90 dBFS) throughout. Check the recording's level and start."
    search = studio("POST", "searches", json={"setting": SETTING, "target": {"sound": sound}}).json()
    one = ended(studio, search["id"])
    assert (one["state"], one["said"]) == ("failed", refused.json()["error"])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"synth": "bel"}, "Did you mean 'bell'"),
        ({"lines": ["synth.num_sample=9"]}, "Did you mean 'num_samples'"),
        ({"lines": ["synth.num_samples=many"]}, "takes an int, got 'many'"),
        ({"lines": ["louder"]}, "an option is key=value"),
        ({"lines": "louder"}, "Choose a synthesizer"),
        ({"feature": "mss", "solver": "descnt"}, "Did you mean 'descent'"),
    ],
)
def test_a_wrong_setting_is_a_sentence(setting, said, studio):
    refused = studio("POST", "bench", json={"setting": SETTING | setting})
    assert refused.status_code == 400
    assert said in refused.json()["error"]


def test_a_synthesizer_that_crashes_ends_its_process_alone(studio, sent, tone):
    fuse = SETTING | {"synth": "fuse"}
    refused = studio("POST", "render", json={"setting": fuse, "values": MIDDLE | {"f": 999.0}})
    assert refused.status_code == 400
    assert "The process that computes ended (SIGSEGV): a part crashed it" in refused.json()["error"]
    assert studio("POST", "render", json={"setting": fuse, "values": MIDDLE}).status_code == 200
    sound = sent(tone())
    search = studio("POST", "searches", json={"setting": fuse, "target": {"sound": sound}, "fix": {"f": 999.0}}).json()
    assert "SIGSEGV" in ended(studio, search["id"])["said"]
    assert studio("POST", "render", json={"setting": fuse, "values": MIDDLE}).status_code == 200


def test_two_tabs_do_not_see_each_other(studio, sent, tone):
    sound = sent(tone())
    asked = {"setting": SETTING, "target": {"sound": sound}}
    search = studio("POST", "searches", json=asked | {"budget": "1s"}).json()["id"]
    other = studio("POST", "searches", tab="second-tab", json=asked)
    assert other.json()["error"] == "That sound is not here any more. Drop it again."
    assert studio("GET", "searches", tab="second-tab").json() == []
    assert studio("GET", f"searches/{search}", tab="second-tab").status_code == 400
    assert studio("GET", "parts", tab="second-tab").json()["sounds"] == []
    assert studio("GET", "parts", tab="../x").json()["error"] == "This page has no name. Load it again."
    assert len(studio("GET", "parts").json()["sounds"]) == 1
    ended(studio, search)


def test_searches_queue_and_are_stopped(studio, sent):
    sound = sent(np.random.default_rng(0).standard_normal(2048) / 4, "noise.wav")
    asked = {"setting": SETTING, "target": {"sound": sound}, "budget": "5min"}
    first, second = (studio("POST", "searches", json=asked).json()["id"] for _ in range(2))
    states = {one["id"]: one["state"] for one in studio("GET", "searches").json()}
    assert states[second] == "waiting"
    assert studio("POST", f"searches/{second}/stop").json()["state"] == "stopped"
    for _ in range(1200):
        one = next(one for one in studio("GET", "searches").json() if one["id"] == first)
        if one["nearest"] or one["state"] == "failed":
            break
        time.sleep(0.1)
    studio("POST", f"searches/{first}/stop")
    one = ended(studio, first)
    assert one["state"] in ("found", "stopped"), one
    assert ended(studio, second)["said"] == "It was taken out of the queue."


def test_old_sounds_go(studio, sent, tone):
    from invsound_studio.tabs import SOUNDS

    sounds = [sent(tone(seconds=0.05)) for _ in range(SOUNDS + 2)]
    kept = [one["id"] for one in studio("GET", "parts").json()["sounds"]]
    assert kept == sounds[2:]
    assert studio("GET", f"sounds/{sounds[0]}").status_code == 400


def test_a_synthesizer_with_145_parameters_has_145_knobs(studio):
    setting = SETTING | {"synth": "organ"}
    bench = studio("POST", "bench", json={"setting": setting}).json()
    assert len(bench["space"]) == 145
    assert len(studio("POST", "render", json={"setting": setting, "values": bench["middle"]}).content) == 4 * 2048


def test_the_preset_of_an_instrument_is_saved_if_it_has_one(studio):
    asked = {"setting": SETTING, "values": MIDDLE | {"wave": "bright"}, "name": "Größe"}
    assert studio("POST", "bench", json={"setting": SETTING}).json()["preset"] == ".bell"
    assert studio("POST", "preset", json=asked).content.decode() == "Größe: 440 Hz, bright"
    organ = SETTING | {"synth": "organ"}
    assert studio("POST", "bench", json={"setting": organ}).json()["preset"] == ""
    refused = studio("POST", "preset", json={"setting": organ, "values": {}})
    assert (refused.status_code, refused.json()["error"]) == (400, "The synth organ (stranger 1.0) has no presets of its own.")


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (b"{", "That is no JSON object"),
        (b"[1]", "That is no JSON object"),
        (b"{}", "it lacks synth, feature or parameters"),
        (b'{"synth": "bell", "feature": "mss", "parameters": {"g": 1}}', "g"),
        (b'{"synth": "bell", "feature": "mss", "parameters": {"f": 1e9}}', "out of bounds"),
        (b'{"synth": "bell", "feature": "mss", "parameters": {"f": NaN}}', "f"),
        (b'{"synth": "../bell", "feature": "mss", "parameters": {}}', "No synth named '../bell'"),
    ],
)
def test_what_was_not_saved_here_is_not_opened(saved, said, studio):
    refused = studio("POST", "open", content=saved)
    assert refused.status_code == 400
    assert said in refused.json()["error"]


def test_who_can_listen_answers_at_once(studio, wav):
    setting = {"synth": "amfm", "feature": "mss", "solver": "", "lines": ["synth.num_samples=4096", "feature.n_fft=[256]"]}
    values = studio("POST", "bench", json={"setting": setting}).json()["middle"]
    x = np.frombuffer(studio("POST", "render", json={"setting": setting, "values": values}).content, np.float32)
    sound = studio("POST", "sounds?name=chirp.wav", content=wav(x, 8192)).json()["id"]
    answers = studio("POST", "guess", json={"setting": setting, "target": {"sound": sound}}).json()["answers"]
    assert [one["distance"] for one in answers] == sorted(one["distance"] for one in answers)
    none = studio("POST", "guess", json={"setting": SETTING, "target": {"sound": sound}}).json()
    assert none == {"answers": []}


def test_a_match_of_the_command_line_is_opened_as_it_was_made(studio, tone, wav, strangers, tmp_path):
    (tmp_path / "tone.wav").write_bytes(wav(tone()))
    lines = ["synth.num_samples=1024", "feature.n_fft=[256, 64]"]
    command = [sys.executable, "-m", "invsound", "match", "tone.wav", "--synth", "bell", "--feature", "mss", *lines]
    subprocess.run([*command, "--budget", "1s", "--candidates", "8", "--out", "found"], check=True, capture_output=True, cwd=tmp_path)
    opened = studio("POST", "open", content=(tmp_path / "found" / "match.json").read_bytes()).json()
    assert opened["setting"]["lines"] == lines
    assert {"key": "synth.num_samples", "value": "1024", "help": "length of the sound, samples"} in opened["bench"]["options"]
