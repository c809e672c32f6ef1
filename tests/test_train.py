"""Laws of the training loop."""

import pytest
import torch
from torch import nn

import invsound
from invsound.builtin.ploss import PLoss, PLossOptions
from invsound.config import Train
from invsound.data import Fold
from invsound.train import Trainer


class Linear(invsound.Encoder):
    """ν̂ = Wx: the smallest encoder."""

    def __init__(self):
        super().__init__(invsound.Signal(1, 3), 2, None)
        self.map = nn.Linear(3, 2, bias=False)
        nn.init.zeros_(self.map.weight)

    def prepare(self, x):
        return x

    def forward(self, inputs):
        return self.map(inputs)


def fold(n, seed=0):
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed))
    return Fold(x[:, :2] * 0.5, {"inputs": x, "side": torch.empty(n, 0)})


def trainer(tmp_path, loss=None, **options):
    made = PLoss(None, PLossOptions()) if loss is None else loss
    return Trainer(Linear(), made, lambda params: torch.optim.SGD(params, lr=0.1), Train(**options), seed=0, folder=tmp_path)


def test_training_converges_to_the_map(tmp_path):
    encoder = trainer(tmp_path, epochs=30, batch=8).fit(fold(64), fold(16, 1))
    torch.testing.assert_close(encoder.map.weight.detach(), torch.eye(2, 3) * 0.5, atol=1e-3, rtol=0)
    assert not encoder.training


def test_the_epoch_has_every_example_once_in_an_order_of_its_own(tmp_path):
    t = trainer(tmp_path, batch=8)
    seen = [torch.cat(list(t._batches(20))) for t.epoch in (1, 2)]
    assert all(sorted(order.tolist()) == list(range(20)) for order in seen)
    assert seen[0].tolist() != seen[1].tolist()
    t.epoch = 1
    assert torch.cat(list(t._batches(20))).tolist() == seen[0].tolist()


def test_examples_limits_an_epoch_and_a_last_batch_of_one_is_left_out(tmp_path):
    assert [len(rows) for rows in trainer(tmp_path, batch=4, examples=10)._batches(100)] == [4, 4, 2]
    assert [len(rows) for rows in trainer(tmp_path, batch=4)._batches(9)] == [4, 4]
    assert [len(rows) for rows in trainer(tmp_path, batch=4)._batches(1)] == [1]


def test_the_best_encoder_is_kept_or_the_last(tmp_path, monkeypatch):
    losses = iter([3.0, 1.0, 2.0] * 2)
    monkeypatch.setattr(Trainer, "validate", lambda self, fold: next(losses))
    for keep, epoch in (("best", 1), ("last", 2)):
        t, weights = trainer(tmp_path / keep, epochs=2, keep=keep), []
        monkeypatch.setattr(t, "checkpoint", lambda t=t, weights=weights: weights.append(t._weights()["map.weight"]))
        assert torch.equal(t.fit(fold(16), fold(4)).map.weight.detach(), weights[epoch - 1])


def test_a_plateau_lowers_the_learning_rate(tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "validate", lambda self, fold: 1.0)
    t = trainer(tmp_path, epochs=6, plateau=2)
    t.fit(fold(16), fold(4))
    assert [m["lr"] for m in t.metrics] == pytest.approx([0.1] * 5 + [0.01] * 2)


def test_clipping_bounds_the_step(tmp_path):
    free, clipped = (trainer(tmp_path / str(clip), epochs=1, batch=64, clip=clip) for clip in (None, 1e-3))
    for t in (free, clipped):
        t.epoch = 1
        t.train_epoch(fold(64))
    assert float(clipped.encoder.map.weight.detach().norm()) == pytest.approx(1e-4, rel=1e-3)
    assert float(free.encoder.map.weight.detach().norm()) > 1e-3


def test_an_optimizer_that_calls_its_closure_more_than_once_works(tmp_path):
    t = Trainer(Linear(), PLoss(None, PLossOptions()), torch.optim.LBFGS, Train(epochs=2, batch=64), seed=0, folder=tmp_path)
    encoder = t.fit(fold(64), fold(16, 1))
    torch.testing.assert_close(encoder.map.weight.detach(), torch.eye(2, 3) * 0.5, atol=1e-2, rtol=0)


def test_the_global_generator_is_left_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    t = trainer(tmp_path, epochs=2, batch=4)
    torch.manual_seed(5)
    t.fit(fold(16), fold(4))
    assert torch.equal(torch.rand(3), expected)


def test_a_loss_that_is_not_finite_is_an_error_that_names_the_epoch(tmp_path):
    class Broken(PLoss):
        def forward(self, nu_hat, nu, side):
            return super().forward(nu_hat, nu, side) * (torch.nan if self.training else 1)

    with pytest.raises(invsound.NonFiniteError, match=r"training loss is nan in epoch 1\. Lower optimizer\.lr"):
        trainer(tmp_path, Broken(None, PLossOptions()), epochs=1).fit(fold(16), fold(4))
