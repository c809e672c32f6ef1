"""Laws of the training loop."""

import functools
import math

import pytest
import torch
from torch import nn

import invsound
from invsound.builtin.ploss import PLoss, PLossOptions
from invsound.data.columns import Fold
from invsound.runs.stages import Pretrain, Train
from invsound.training.step import Step, fluctuation
from invsound.training.trainer import Trainer


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


def test_examples_limits_an_epoch_and_an_example_left_over_joins_the_last_batch(tmp_path):
    assert [len(rows) for rows in trainer(tmp_path, batch=4, examples=10)._batches(100)] == [4, 4, 2]
    t = trainer(tmp_path, batch=4, examples=100, epochs=1)
    t.fit(fold(21), fold(4))
    assert t.metrics[1]["steps"] == 5
    assert [len(rows) for rows in t._batches(21)] == [4, 4, 4, 4, 5]
    assert [len(rows) for rows in trainer(tmp_path, batch=4)._batches(9)] == [4, 5]
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


def test_a_cosine_lowers_the_learning_rate_to_nothing(tmp_path):
    t = trainer(tmp_path, epochs=4, cosine=True)
    t.fit(fold(16), fold(4))
    assert [m["lr"] for m in t.metrics[1:]] == pytest.approx([0.1 * (1 + math.cos(math.pi * e / 4)) / 2 for e in range(4)])
    with pytest.raises(ValueError, match="both set the learning rate"):
        Train(cosine=True, plateau=3)


def test_clipping_bounds_the_step(tmp_path):
    free, clipped = (trainer(tmp_path / str(clip), epochs=1, batch=64, clip=clip) for clip in (None, 1e-3))
    for t in (free, clipped):
        t.epoch = 1
        t.train_epoch(fold(64))
    assert float(clipped.encoder.map.weight.detach().norm()) == pytest.approx(1e-4, rel=1e-3)
    assert float(free.encoder.map.weight.detach().norm()) > 1e-3


def test_clipping_by_value_and_by_sign(tmp_path):
    steps = {}
    for by in ("value", "sign"):
        t = trainer(tmp_path / by, epochs=1, batch=64, clip=0.1, clip_by=by)
        t.epoch = 1
        t.train_epoch(fold(64))
        steps[by] = t.encoder.map.weight.detach() / 0.1
    assert float(steps["value"].abs().max()) == pytest.approx(0.1)
    assert (steps["value"].abs() < 0.099).any()
    torch.testing.assert_close(steps["sign"].abs(), torch.full((2, 3), 0.1))


@pytest.mark.parametrize("wrong", [{"clip_by": "norms"}, {"clip": 0.0}, {"clip_by": "sign"}])
def test_wrong_limits_are_refused(wrong):
    with pytest.raises(ValueError, match="clip"):
        Train(**wrong)


def test_the_norm_of_the_gradient_is_noted_before_clipping(tmp_path):
    free, clipped = (trainer(tmp_path / str(clip), epochs=2, batch=64, clip=clip) for clip in (None, 1e-9))
    for t in (free, clipped):
        t.fit(fold(64), fold(16, 1))
    assert "gradient" not in free.metrics[0]["monitor"]
    first = [t.metrics[1]["monitor"]["gradient"] for t in (free, clipped)]
    x, nu = fold(64).columns["inputs"], fold(64).nu
    expected = float((nu.mT @ x / 64).norm())  # of ½‖Wx − ν‖² at W = 0
    assert first == pytest.approx([expected] * 2, rel=1e-5)
    assert free.metrics[2]["monitor"]["gradient"] < expected


class Loud(PLoss):
    def forward(self, nu_hat, nu, side):
        return 1e25 * super().forward(nu_hat, nu, side)


LOUDNESS = {"loud": Loud(None, PLossOptions()), "plain": PLoss(None, PLossOptions())}


@pytest.mark.parametrize("by", ["norm", "value", "sign"])
def test_a_gradient_too_large_to_be_squared_is_clipped(tmp_path, by):
    t, plain = (trainer(tmp_path / name, loss, epochs=1, batch=64, clip=1e-3, clip_by=by) for name, loss in LOUDNESS.items())
    for each in (t, plain):
        each.epoch = 1
        each.train_epoch(fold(64))
    assert t.noted["gradient"] == pytest.approx(1e25 * plain.noted["gradient"], rel=1e-5)
    if by != "value":
        torch.testing.assert_close(t.encoder.map.weight, plain.encoder.map.weight)
    assert 0 < float(t.encoder.map.weight.detach().abs().max()) <= 1.001e-4


def test_a_gradient_too_large_to_be_squared_is_an_error_without_clipping(tmp_path):
    t = trainer(tmp_path, Loud(None, PLossOptions()), epochs=1)
    with pytest.raises(invsound.NonFiniteError, match=r"norm \d\.\d+e\+24, too large to be squared, in epoch 1\..* set train\.clip=1"):
        t.fit(fold(16), fold(4))
    assert not t.encoder.map.weight.any()


class Ninths(PLoss):
    """½ · 9 (ν̂₁ − ν₁)² + ½ (ν̂₂ − ν₂)²: steeper along one direction, and it adapts."""

    monitor = "seen"

    def __init__(self, options=None):
        super().__init__(None, PLossOptions())
        self.register_buffer("seen", torch.tensor(0.0))

    def directions(self, nu_hat, nu, side):
        return 0.5 * torch.tensor([9.0, 1.0]) * (nu_hat - nu).square()

    def forward(self, nu_hat, nu, side):
        return self.directions(nu_hat, nu, side).sum(1) * (1 + self.seen if self.training else 1)

    def adapt(self, validation_loss):
        self.seen += 0.1


def two_columns(n, seed=0):
    plain = fold(n, seed)
    return Fold(plain.nu, plain.columns | {"pretrain": torch.empty(n, 0)})


def pretrained(path, epochs=6, before=3, keep="best", **more):
    options = Train(epochs=epochs, batch=8, keep=keep, **more, pretrain=Pretrain("ninths", before))
    adam = functools.partial(torch.optim.Adam, lr=0.05)
    return Trainer(Linear(), PLoss(None, PLossOptions()), adam, options, seed=0, folder=path, pretrain=Ninths())


def test_the_loss_is_split_over_directions(tmp_path):
    t = pretrained(tmp_path)
    t.fit(two_columns(64), two_columns(16, 1))
    for record in t.metrics[:4]:
        assert sum(record["monitor"]["directions"]) == pytest.approx(record["val_loss"], rel=1e-5)
    assert "directions" not in t.metrics[4]["monitor"]


def test_another_loss_takes_over_after_pretraining(tmp_path):
    t = pretrained(tmp_path)
    t.fit(two_columns(64), two_columns(16, 1))
    assert [m.get("phase") for m in t.metrics] == ["pretraining"] * 4 + [None] * 3
    assert [round(m["monitor"]["seen"], 3) for m in t.metrics[:4]] == [0.0, 0.0, 0.1, 0.2]
    assert "seen" not in t.metrics[4]["monitor"]
    alone = Trainer(Linear(), Ninths(), functools.partial(torch.optim.Adam, lr=0.05), Train(epochs=3, batch=8), 0, tmp_path / "alone")
    weights = alone.fit(fold(64), fold(16, 1)).map.weight.detach()
    handed = Trainer(Linear(), PLoss(None, PLossOptions()), functools.partial(torch.optim.Adam, lr=0.05), Train(batch=8), 0, tmp_path)
    handed.encoder.map.weight.data.copy_(weights)
    assert t.metrics[3]["handed_over"] == pytest.approx(handed.validate(fold(16, 1)))
    handed.epoch = 4  # with a fresh optimizer
    assert handed.train_epoch(fold(64)) == t.metrics[4]["train_loss"]
    assert handed.validate(fold(16, 1)) == t.metrics[4]["val_loss"]


@pytest.mark.parametrize("keep", ["best", "last"])
@pytest.mark.parametrize("last", [1, 2, 3, 4, 5])
def test_training_resumes_across_the_hand_over(last, keep, tmp_path, monkeypatch):
    whole = pretrained(tmp_path / "whole", keep=keep, cosine=keep == "last")
    expected = whole.fit(two_columns(64), two_columns(16, 1)).map.weight
    original = Trainer.train_epoch

    def interrupted(self, fold):
        if self.epoch > last:
            raise KeyboardInterrupt
        return original(self, fold)

    monkeypatch.setattr(Trainer, "train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pretrained(tmp_path / "cut", keep=keep, cosine=keep == "last").fit(two_columns(64), two_columns(16, 1))
    monkeypatch.setattr(Trainer, "train_epoch", original)
    resumed = pretrained(tmp_path / "cut", keep=keep, cosine=keep == "last")
    assert torch.equal(resumed.fit(two_columns(64), two_columns(16, 1)).map.weight, expected)
    for record in (*resumed.metrics, *whole.metrics):
        record.pop("seconds")
    assert resumed.metrics == whole.metrics
    lowered = [0.05, 0.0375, 0.0125] if keep == "last" else [0.05] * 3
    assert [m["lr"] for m in whole.metrics[1:]] == pytest.approx(lowered * 2)


def test_a_sampled_gradient_squared_is_the_diagonal_of_gauss_newton():
    encoder, loss, examples = Linear(), Ninths().train(), fold(32)
    batch = (examples.columns["inputs"], examples.nu, examples.columns["side"])
    generator, total = torch.Generator().manual_seed(0), torch.zeros(2, 3)
    for _ in range(4000):
        n = Step(encoder, loss, batch, generator).sample()
        total += n * encoder.map.weight.grad.square()
    second = examples.columns["inputs"].square().mean(0)
    torch.testing.assert_close(total / 4000, torch.stack([9 * second, second]), rtol=0.15, atol=0)


def test_labels_are_drawn_from_the_positive_part_of_any_loss():
    class Saddle(PLoss):
        def forward(self, nu_hat, nu, side):
            a, b = (nu_hat - nu).unbind(1)
            return 2 * a.square() - b.square()

    nu = torch.zeros(2000, 2)
    w = fluctuation(Saddle(None, PLossOptions()), nu, nu, torch.empty(2000, 0), torch.Generator().manual_seed(0))
    assert float(w[:, 0].var()) == pytest.approx(4, rel=0.1)
    assert float(w[:, 1].abs().max()) < 1e-3


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


def test_a_gradient_that_is_not_finite_is_an_error_before_the_step(tmp_path):
    class Cusp(PLoss):
        def forward(self, nu_hat, nu, side):
            return super().forward(nu_hat, nu, side) + (nu_hat[:, 0] * 0).sqrt()

    t = trainer(tmp_path, Cusp(None, PLossOptions()), epochs=1)
    with pytest.raises(invsound.NonFiniteError, match=r"gradient of the training loss has the norm nan in epoch 1\. Lower optimizer\.lr"):
        t.fit(fold(16), fold(4))
    assert not t.encoder.map.weight.any()
