"""Trained encoders: what is exported hears as the run's encoder did, wherever it lies, and says what it is."""

import csv
import importlib
import json
import shutil

import numpy as np
import pytest
import soundfile
import torch

import invsound as api
from invsound.trained import kept

HOOK = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_pretrained():\n    return [Part('{0}', 'given:{0}', 'of a toy')]\n"


@pytest.fixture
def run(invsound, toy, tiny, tmp_path):
    assert invsound(*toy(tiny, "--out", "run", loss="ploss")).exit_code == 0
    return tmp_path / "run"


def predicted(run):
    """θ̂ [n, P] and θ [n, P] of predictions.csv."""
    with (run / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [torch.tensor([[float(row[key]) for key in row if key.startswith(who)] for row in rows]) for who in ("predicted", "true")]


@pytest.mark.parametrize("space", [[], ["space.scale=linear"], ["space.normalize=none"]], ids=["declared", "linear", "not-normalized"])
def test_it_hears_as_the_encoder_of_its_run(invsound, toy, tiny, tmp_path, space):
    assert invsound(*toy(tiny, "--out", "run", *space, loss="ploss")).exit_code == 0
    expected, theta = predicted(tmp_path / "run")
    api.export(tmp_path / "run", tmp_path / "kept")
    shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    trained = api.load(str(tmp_path / "kept"))
    x = trained.synth(theta)
    torch.testing.assert_close(trained.theta(x).float(), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(api.load(tmp_path / "elsewhere").theta(x), trained.theta(x))


def test_an_answer_is_named_and_has_units_and_a_sound(run, tiny):
    trained = api.load(run)
    rate = trained.synth.signal.sample_rate
    x = trained.synth(trained.synth.space.to_theta(torch.zeros(1, 2)))[0]
    answer = trained(x.numpy(), rate)
    assert list(answer.parameters) == list(trained.synth.space.names) == list(answer.units)
    name = trained.synth.space.names[0]
    assert answer[name] == answer.parameters[name] == answer.as_dict()["parameters"][name]
    torch.testing.assert_close(answer.x_hat, trained.synth(answer.theta[None].float())[0])
    assert name in repr(answer)
    assert "<table>" in answer._repr_html_()
    assert json.loads(json.dumps(answer.as_dict()))["trained"] == "run"
    with pytest.raises(api.UsageError, match="sample_rate in Hz"):
        trained(x.numpy())


def test_with_a_representation_its_answers_are_corrected_in_that(run):
    plain, better = api.load(run), api.load(run, "mss")
    problem = api.Problem(plain.synth, api.make("feature", "mss", signal=plain.synth.signal))
    nu = 2 * torch.rand(8, 2, generator=torch.Generator().manual_seed(0)) - 1
    sounds, rate = problem.render(nu), plain.synth.signal.sample_rate
    far = [
        [float((problem.feature(trained(x.numpy(), rate).x_hat[None]) - problem.feature(x[None])).norm()) for x in sounds]
        for trained in (plain, better)
    ]
    assert all(near < before for before, near in zip(*far, strict=True))
    answer = better(sounds[0].numpy(), rate)
    assert (answer.as_dict()["feature"], plain(sounds[0].numpy(), rate).as_dict()["feature"]) == ("mss", None)
    assert "corrected once in mss" in repr(answer)
    with pytest.raises(api.UsageError, match="mss"):
        api.load(run, "msss")


def test_what_is_exported_tells_of_itself_and_not_of_this_machine(run, tmp_path):
    written = api.export(run, tmp_path / "kept")
    assert sorted(path.name for path in written.iterdir()) == ["README.md", "card.json", "encoder.safetensors", "trained.yaml"]
    for path in written.iterdir():
        assert str(tmp_path).encode() not in path.read_bytes()
    card = api.load(written).card
    scores = json.loads((run / "scores.json").read_text())
    assert (card["scores"], card["parameters"]) == (scores["scores"], scores["parameters"])
    assert card["training"]["parts"]["loss"] == "ploss"
    assert card["versions"]["invsound"] == api.__version__
    assert card == api.load(run).card | {"name": "kept"}
    told = (written / "README.md").read_text()
    assert f"{card['scores']['mss']['trained']['macro']:.4g}" in told
    assert "16 sounds of the design `random`" in told


def test_a_card_says_what_its_sounds_met(invsound, toy, tiny, tmp_path):
    more = ["data.fresh=true", "data.augment=[noise,cut]", "loss.shape=absolute", "loss.weights={f: 2}"]
    assert invsound(*toy(tiny, "--out", "run", *more, loss="ploss")).exit_code == 0
    told = (api.export(tmp_path / "run", tmp_path / "kept") / "README.md").read_text()
    assert "16 sounds of the design `random`, new ones in every epoch, augmented by noise, cut, " in told
    assert "of the loss `ploss shape=absolute weights={'f': 2.0}`, " in told


def test_it_is_written_into_a_new_folder_of_a_finished_run_alone(invsound, run, tmp_path):
    (tmp_path / "mine").mkdir()
    refused = invsound("export", "run", "mine")
    assert refused.exit_code == 2
    assert "exists, and nothing in it was touched" in refused.stderr
    assert not list((tmp_path / "mine").iterdir())
    (run / "encoder.safetensors").unlink()
    refused = invsound("export", "run", "kept")
    assert refused.exit_code == 1
    assert "the run has not finished" in refused.stderr
    assert not (tmp_path / "kept").exists()
    assert invsound("export", "nowhere", "kept").exit_code == 2


def test_one_that_is_installed_goes_by_its_name(run, install, tmp_path, invsound, monkeypatch):
    api.export(run, tmp_path / "site" / "toy")
    install("toy-given", HOOK.format("toy"), given="from pathlib import Path\ntoy = Path(__file__).parent / 'toy'\n")
    assert api.load("toy").name == "toy"
    assert "invsound hear SOUND --with toy" in invsound("list-plugins", "toy").stdout
    with pytest.raises(api.UsageError, match=r"Did you mean 'toy'.*Or give the folder"):
        api.load("toyy")
    soundfile.write("a.wav", 0.5 * np.sin(np.arange(2000) / 5), 8000)
    soundfile.write("silent.wav", np.zeros(2000), 8000)
    heard = invsound("hear", "a.wav", "--with", "toy", "--json", "--out", "heard")
    assert heard.exit_code == 0
    (answer,) = json.loads(heard.stdout)
    assert answer["parameters"] == api.load("toy")("a.wav").parameters
    x, rate = soundfile.read("heard/a-reconstruction.wav")
    assert (len(x), rate) == (api.load("toy").synth.signal.num_samples, api.load("toy").synth.signal.sample_rate)
    assert json.loads((tmp_path / "heard" / "heard.json").read_text()) == [answer]
    assert invsound("hear", "silent.wav", "--with", "toy").exit_code == 2
    corrected = invsound("hear", "a.wav", "--with", "toy", "--feature", "mss")
    assert corrected.stdout.startswith("a, corrected once in mss:\n")
    unknown = invsound("hear", "a.wav", "--with", "toy", "--feature", "msss")
    assert (unknown.exit_code, "mss" in unknown.stderr) == (2, True)
    some = invsound("hear", "a.wav", "silent.wav", "--with", "toy")
    assert some.exit_code == 1
    assert "silent" in some.stdout
    assert f"{api.load('toy').synth.space.names[0]} = " in some.stdout
    match = ["match", "a.wav", "--synth", "tiny", "--feature", "mss", "feature.n_fft=[64]", "--evaluations", "40", "--candidates", "8"]
    assert invsound(*match, "--encoder", "toy", "--json").exit_code == 0
    assert "no trained encoder" in invsound(*match, "--encoder", "nobody").stderr


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("encoder.safetensors", lambda path: path.write_bytes(path.read_bytes()[:-4]), "is damaged"),
        ("encoder.safetensors", lambda path: path.unlink(), "is missing"),
        ("trained.yaml", lambda path: path.write_text("parts: {synth: tiny, encoder: cnn}\nencoder: {width: 17}"), "does not fit"),
        ("trained.yaml", lambda path: path.write_text("parts: {synth: tinny, encoder: cnn}"), "Did you mean 'tiny'"),
        ("card.json", lambda path: path.write_text("{}"), "is damaged"),
    ],
)
def test_what_is_damaged_is_named(run, tmp_path, name, damage, said):
    folder = api.export(run, tmp_path / "kept")
    damage(folder / name)
    with pytest.raises(api.InvsoundError, match=said) as raised:
        _ = api.load(folder).card
    assert name in str(raised.value)


@pytest.mark.filterwarnings("ignore")  # its writer's own
def test_the_network_as_onnx(run, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    folder = api.export(run, tmp_path / "kept", onnx=True)
    model = onnx.load(str(folder / "encoder.onnx"))
    onnx.checker.check_model(model)
    trained = api.load(folder)
    inputs = trained.parts.front_end.prepare(torch.randn(3, trained.synth.signal.num_samples))
    (nu,) = importlib.import_module("onnx.reference").ReferenceEvaluator(model).run(["nu"], {"inputs": inputs.numpy()})
    torch.testing.assert_close(torch.from_numpy(nu), trained.encoder(inputs).detach(), rtol=1e-4, atol=1e-5)


def test_without_onnx_it_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: (_ for _ in ()).throw(ModuleNotFoundError("No module named 'onnx'")))
    with pytest.raises(api.InvsoundError, match="pip install onnx onnxscript"):
        api.export(run, tmp_path / "kept", onnx=True)


def test_a_run_has_a_card_as_soon_as_it_is_finished(run):
    assert kept.card(run)["sound_count"] == 4
