"""What losses of a training say: a validation loss that rises while the training loss falls, and nothing else."""

import pytest

from invsound.pages.learning import rise


def epochs(train, val, **of_each):
    return [{"epoch": i, "train_loss": t, "val_loss": v, **of_each} for i, (t, v) in enumerate(zip(train, val, strict=True))]


def test_a_rise_is_said_with_the_encoder_that_is_kept():
    found = epochs([4.0, 3.0, 2.0, 1.0], [4.0, 2.0, 2.5, 3.0])
    assert rise(found) == ("Validation loss was lowest after epoch 1 of 3 and has risen by 50 % since: the encoder of epoch 1 is kept.")
    assert str(rise(found, keep="last")).endswith("the encoder of epoch 3 is kept, for train.keep=last.")


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ([4.0, 3.0, 2.0], [4.0, 3.0, 2.0]),  # both fall
        ([4.0, 3.0, 3.5], [4.0, 2.0, 3.0]),  # both rise
        ([4.0, 3.0, 2.0], [4.0, 2.0, 2.05]),  # noise
        ([], []),
    ],
)
def test_nothing_else_is(train, val):
    assert rise(epochs(train, val)) is None


def test_a_pretraining_has_a_loss_of_its_own():
    before = epochs([9.0, 8.0], [0.1, 0.1], phase="pretraining")
    assert rise([*before, *epochs([3.0, 2.0, 1.0], [3.0, 2.0, 1.0])]) is None
