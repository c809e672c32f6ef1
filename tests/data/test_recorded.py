"""Tables with a column `sound`: the encoder hears recordings, whose parameters the table says, and losses and scores hear them too."""

import csv
import itertools
import json

import pytest
import soundfile
import torch

import invsound as api
from invsound.audio import recording, written
from invsound.data import columns, designs, fresh
from invsound.data.store import Store
from invsound.evaluation.evaluation import Evaluation
from invsound.executor import Workforce
from invsound.feature import represented
from invsound.runs import config
from invsound.runs.inputs import Inputs
from invsound.runs.parts import Parts

COUNT = 12
SHORT = [
    "data.design=csv", "data.csv=table.csv", "train.epochs=2", "train.batch=2", "evaluate.sounds=1", "evaluate.scores=[mss]",
    "evaluate.micro=false", "feature.n_fft=[64]",
]  # fmt: skip


@pytest.fixture
def table(tiny, tmp_path):
    """Sounds that are not quite those of their parameters, in a folder beside their table."""
    synth = api.make("synth", tiny)
    theta = synth.space.to_theta(designs.draw(synth, "random", {"train": COUNT}, 0)["train"])
    noise = 0.2 * torch.randn(COUNT, synth.signal.num_samples, generator=torch.Generator().manual_seed(1))
    lines = ["sound,f (Hz),tau,fold"]
    for k, x in enumerate(synth(theta) + noise):
        written.save(tmp_path / "kit" / f"{k}.wav", x, synth.signal.sample_rate)
        lines.append(f"kit/{k}.wav,{theta[k, 0]:.9g},{theta[k, 1]:.9g},{('train', 'val', 'test')[0 if k < 8 else 1 + k % 2]}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "table.csv"


def parts_of(synth, loss="ddsp", score="mss", **data):
    named = {"synth": synth, "feature": "mss", "loss": loss}
    data = {"design": "csv", "csv": "table.csv", "train": None, "val": None, "test": None} | data
    evaluate = {"scores": [score], "micro": False}
    return Parts(config.resolve({"parts": named, "feature": {"n_fft": [64]}, "data": data, "evaluate": evaluate, "train": {"epochs": 3}}))


def prepared(parts, folder, drawn=None, jobs=1):
    drawn = drawn or designs.of_run(parts, Inputs(None))
    return columns.prepare(parts, drawn.nu, Store(folder), Workforce(jobs), x=drawn.x)


def recorded(parts, numbers):
    return torch.stack([recording.load_for(parts.synth, f"kit/{k}.wav").x for k in numbers])


def test_what_is_heard_is_the_recording(tiny, table, tmp_path):
    parts = parts_of(tiny, score="jtfs")
    folds = prepared(parts, tmp_path / "cache")
    train, test = recorded(parts, range(8)), recorded(parts, (9, 11))
    torch.testing.assert_close(folds["train"].columns["inputs"], parts.front_end.prepare(train))
    torch.testing.assert_close(folds["train"].columns["side"][:, :-1], parts.problem.feature(train))
    torch.testing.assert_close(folds["test"].columns["heard:jtfs"], represented(parts.scores["jtfs"].feature, test))
    theta = parts.synth.space.to_theta(folds["train"].nu)
    assert float(theta[3, 0]) == pytest.approx(float(table.read_text().splitlines()[4].split(",")[1]), rel=1e-5)


def test_a_loss_on_parameters_learns_those_of_the_table(tiny, table, tmp_path):
    parts = parts_of(tiny, "pnp")
    folds = prepared(parts, tmp_path / "cache")
    torch.testing.assert_close(folds["val"].columns["side"], parts.loss.prepare(folds["val"].nu))


def test_who_computes_changes_nothing(tiny, table, tmp_path):
    parts = parts_of(tiny, augment=["noise", "cut"])
    one, two = (prepared(parts, tmp_path / str(jobs), jobs=jobs) for jobs in (1, 2))
    assert all(torch.equal(one[fold].columns[name], two[fold].columns[name]) for fold in one for name in one[fold].columns)
    plain = prepared(parts_of(tiny), tmp_path / "1")
    assert not torch.equal(one["train"].columns["inputs"], plain["train"].columns["inputs"])
    assert torch.equal(one["test"].columns["inputs"], plain["test"].columns["inputs"])


def test_fresh_recordings_are_the_same_ones_augmented_anew(tiny, table, tmp_path):
    parts = parts_of(tiny, augment=["noise"], fresh=True)
    train = prepared(parts, tmp_path / "cache")["train"]
    with fresh.each(parts, train, Store(tmp_path / "cache"), Workforce(), "cpu") as of:
        first, second, third = (of(epoch) for epoch in (1, 2, 3))
    heard = [fold.columns["inputs"] for fold in (first, second, third)]
    assert not any(torch.equal(a, b) for a, b in itertools.pairwise(heard))
    assert all(torch.equal(fold.columns["side"], first.columns["side"]) and torch.equal(fold.nu, first.nu) for fold in (second, third))


def test_a_run_compares_with_what_was_recorded(tiny, table, tmp_path):
    result = api.run(tiny, "mss", "ddsp", overrides=[*SHORT, "train.epochs=0"], out="run", quiet=True)
    heard, _ = soundfile.read("run/audio/test-00-target.wav", dtype="float32")
    parts = parts_of(tiny)
    torch.testing.assert_close(torch.from_numpy(heard), recorded(parts, [9])[0])
    test = recorded(parts, (9, 11))
    predictions = list(csv.DictReader((tmp_path / "run" / "predictions.csv").read_text().splitlines()))
    theta = torch.tensor([[float(row[f"predicted_{name}"]) for name in ("f", "tau")] for row in predictions])
    expected = parts.scores["mss"](parts.synth(theta), test).mean()
    assert result["scores"]["mss"]["trained"]["macro"] == pytest.approx(float(expected), rel=1e-3)


def test_a_card_says_that_recordings_were_heard(tiny, table, tmp_path):
    api.run(tiny, "mss", "ddsp", overrides=[*SHORT, "data.augment=[speed,noise]", "data.fresh=true"], out="run", quiet=True)
    api.run(tiny, "mss", "ddsp", overrides=[*SHORT, "train.start=run"], out="further", quiet=True)
    told = [(api.export(run, tmp_path / "of" / run) / "README.md").read_text() for run in ("run", "further")]
    assert "recordings of the design `csv`, anew in every epoch, augmented by speed, noise, 2 epochs of the loss `ddsp" in told[0]
    assert "of the loss `ddsp`, of an encoder that was trained before, " in told[1]
    for text in told:
        assert "on 2 recordings that it has not learned from" in text
        assert "It knows recordings like those it has heard" in text


def test_a_run_that_was_interrupted_goes_on_to_the_same_weights(tiny, table):
    how = [*SHORT, "data.augment=[noise,level]", "data.fresh=true"]

    def stop(metrics):
        if metrics["epoch"] == 1:
            raise KeyboardInterrupt

    whole = api.run(tiny, "mss", "ddsp", overrides=how, out="whole", quiet=True)
    with pytest.raises(KeyboardInterrupt):
        api.run(tiny, "mss", "ddsp", overrides=how, out="cut", quiet=True, on_epoch=stop)
    assert api.resume("cut", quiet=True)["scores"] == whole["scores"]


def test_recordings_that_change_under_a_run_are_said(tiny, table, tmp_path):
    api.run(tiny, "mss", "ddsp", overrides=SHORT, out="run", quiet=True)
    assert json.loads((tmp_path / "run" / "inputs.json").read_text())["table"]["sounds"]
    (tmp_path / "kit" / "3.wav").write_bytes((tmp_path / "kit" / "4.wav").read_bytes())
    with pytest.raises(api.UsageError, match="have changed since the run began"):
        api.evaluate("run", quiet=True)


@pytest.fixture
def cut(tmp_path):
    """A drum that is recorded until 0.2 s, and rings on; twice in each fold."""
    synth = api.make("synth", "ftm", num_samples=8192)
    theta = synth.space.values({"tau": 0.5})[None]
    written.save(tmp_path / "cut.wav", synth(theta.float())[0, :4410], 22050)
    row = ",".join(f"{value:.9g}" for value in theta[0].tolist())
    lines = [f"cut.wav,{fold},{row}" for fold in ("train", "val", "test") for _ in range(2)]
    (tmp_path / "table.csv").write_text("\n".join([f"sound,fold,{','.join(synth.space.names)}", *lines]) + "\n")
    named = {"synth": "ftm", "feature": "timbre", "loss": "ddsp"}
    data = {"design": "csv", "csv": "table.csv", "train": None, "val": None, "test": None, "augment": ["noise", "level"]}
    evaluate = {"scores": ["mss", "jtfs"], "micro": False}
    return Parts(config.resolve({"parts": named, "synth": {"num_samples": 8192}, "data": data, "evaluate": evaluate}))


def test_a_recording_that_stops_while_it_sounds_is_compared_until_there(cut, tmp_path):
    folds = prepared(cut, tmp_path / "cache")
    val, test = folds["val"], folds["test"]
    side = val.columns["side"]
    assert ((side[:, -1] > 3000) & (side[:, -1] < 4410)).all()
    on = torch.cat([side[:, :-1], torch.full((2, 1), 8192.0)], 1)
    near, far = (cut.loss(val.nu, val.nu, of) for of in (side, on))
    assert (near < 1e-3 * far).all()
    apart = 0.1 * torch.ones_like(val.nu)
    with torch.no_grad():
        distances = Evaluation(cut, tmp_path)._distances({"true": test.nu, "other": test.nu + apart}, test)
    assert all((distances["true"][score] < 0.05 * distances["other"][score]).all() for score in ("mss", "jtfs"))


def test_sounds_at_another_speed_have_no_parameters(tiny, table, tmp_path):
    """A loss that compares sounds learns from them, and they are others in every epoch, as what they are compared with."""
    for loss in ("ploss", "pnp"):
        with pytest.raises(api.UsageError, match="speed makes another sound"):
            designs.of_run(parts_of(tiny, loss, augment=["speed"]), Inputs(None))
    with pytest.raises(api.UsageError, match="speed makes another sound"):
        designs.of_run(parts_of(tiny, design="random", csv=None, train=4, val=4, test=4, augment=["speed"]), Inputs(None))
    parts = parts_of(tiny, augment=["speed"], fresh=True)
    train = prepared(parts, tmp_path / "cache")["train"]
    with fresh.each(parts, train, Store(tmp_path / "cache"), Workforce(), "cpu") as of:
        heard = [of(epoch).columns for epoch in (1, 2, 3)]
    for name in ("inputs", "side"):
        assert not any(torch.equal(a[name], b[name]) for a, b in itertools.pairwise(heard))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../secret.wav", "in the folder of"),
        ("/etc/passwd", "in the folder of"),
        ("kit/none.wav", "none.wav"),
        ("", "''"),
    ],
)
def test_only_sounds_beside_the_table_are_read(tiny, table, name, words):
    table.write_text(table.read_text().replace("kit/2.wav", name))
    with pytest.raises(api.UsageError, match=words) as error:
        designs.of_run(parts_of(tiny), Inputs(None))
    assert "column 'sound'" in str(error.value)


def test_a_table_that_has_nothing_new_is_not_fresh(tiny, table):
    with pytest.raises(api.UsageError, match=r"give data\.augment too"):
        designs.of_run(parts_of(tiny, fresh=True), Inputs(None))
    table.write_text(table.read_text().replace("sound,", "file,"))
    with pytest.raises(api.UsageError, match="a column 'sound'"):
        designs.of_run(parts_of(tiny, fresh=True, augment=["noise"]), Inputs(None))


def test_what_match_has_found_is_learned_from(invsound, tiny, table, tmp_path):
    (tmp_path / "kit" / "broken.wav").write_text("nothing")
    found = invsound(
        "match", *sorted((tmp_path / "kit").iterdir()), "--synth", tiny, "--feature", "mss", "--candidates", 16, "--evaluations", 40,
        "feature.n_fft=[64]", "--out", "found", "--quiet",
    )  # fmt: skip
    assert found.exit_code == 1
    parts = parts_of(tiny, csv="found/matches.csv", train=8, val=2, test=2)
    drawn = designs.of_run(parts, Inputs(None))
    assert {fold: len(x) for fold, x in drawn.x.items()} == {"train": 8, "val": 2, "test": 2}
    told = invsound("run", "--synth", tiny, "--feature", "mss", "--loss", "ploss", "--out", "run", *SHORT, "data.csv=found/matches.csv")
    assert told.exit_code == 0
    assert "left out are 1 of 13 sounds" in told.stderr
