"""What TensorBoard reads is what metrics.jsonl says, once for each epoch, also of a run that was interrupted."""

import json
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import invsound
from invsound.testing import LoggerContract

TOY = [
    "synth.num_samples=2048", "data.train=8", "data.val=8", "data.test=4", "evaluate.sounds=0", "evaluate.scores=[mss]",
    "feature.n_fft=[256]", "train.epochs=3", "train.log=[tensorboard]",
]  # fmt: skip


class TestTensorBoard(LoggerContract):
    part = "tensorboard"


def events(run):
    found = EventAccumulator(str(Path(run, "log", "tensorboard")))
    found.Reload()
    return found


def test_each_epoch_is_there_once_also_where_a_run_was_interrupted(tmp_path):
    class Stop(Exception):
        pass

    def stop(record):
        if record["epoch"] == 2:
            raise Stop

    run = tmp_path / "run"
    with pytest.raises(Stop):
        invsound.run("amfm", "mss", "ploss", overrides=TOY, out=run, quiet=True, on_epoch=stop)
    assert [e.step for e in events(run).Scalars("val_loss")] == [0, 1, 2]
    invsound.resume(run, quiet=True)
    found, lines = events(run), [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for name in ("val_loss", "lr"):
        assert [(e.step, e.value) for e in found.Scalars(name)] == [(line["epoch"], pytest.approx(line[name])) for line in lines]
    assert [e.step for e in found.Scalars("train_loss")] == [1, 2, 3]
    (text,) = found.Tensors("config/text_summary")
    assert b'"synth": "amfm"' in text.tensor_proto.string_val[0]


def test_the_options_need_not_be_written(tmp_path):
    logger = invsound.make("logger", "tensorboard", folder=tmp_path, config=False)
    logger.begin({"seed": 1})
    logger.close()
    found = EventAccumulator(str(tmp_path))
    found.Reload()
    assert found.Tags()["tensors"] == []
