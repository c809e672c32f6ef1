"""A run is opened by its name on the command line: its instrument, its sounds, and its encoder, which answers at once."""

import json

import pytest


@pytest.fixture(scope="module")
def runs(toy):
    """One that has ended, and one whose folder was damaged since."""
    folder = toy.parent
    (folder / "broken").mkdir()
    (folder / "broken" / "config.yaml").write_text("parts: [")
    (folder / "toy" / "audio" / "secret-target.wav").symlink_to("/etc/hostname")
    return {name: str(folder / name) for name in ("toy", "broken")}


def test_a_run_is_opened_and_answers_at_once(studio):
    assert studio("GET", "parts").json()["runs"] == ["toy", "broken"]
    opened = studio("POST", "runs", json={"name": "toy"}).json()
    setting = opened["setting"]
    assert setting == {"synth": "bell", "feature": "mss", "solver": "", "lines": ["synth.num_samples=1024", "feature.n_fft=[256]"]}
    assert opened["bench"]["num_samples"] == 1024
    assert [one["name"] for one in opened["sounds"]] == ["test-00-target.wav", "test-01-target.wav"]
    assert opened["sounds"] == studio("GET", "parts").json()["sounds"]
    sound = {"sound": opened["sounds"][0]["id"]}
    (answer,) = studio("POST", "guess", json={"setting": setting, "target": sound, "encoder": "toy"}).json()["answers"]
    assert (answer["who"], set(answer["parameters"])) == ("toy", {"f", "tau", "wave"})
    other = {**setting, "synth": "amfm", "lines": []}
    refused = studio("POST", "guess", json={"setting": other, "target": sound, "encoder": "toy"})
    assert "learned another synth or sample rate" in refused.json()["error"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../toy", "was not started with that run"),
        ("/etc", "was not started with that run"),
        (["toy"], "was not started with that run"),
        (None, "was not started with that run"),
        ("broken", "is damaged or gone"),
    ],
)
def test_no_other_folder_is_opened(name, said, studio):
    refused = studio("POST", "runs", content=json.dumps({"name": name}))
    assert refused.status_code == 400
    assert said in refused.json()["error"]
    assert studio("GET", "parts").json()["sounds"] == []
