"""Laws of the loss on random paths."""

import pytest
import torch

import invsound
from invsound.testing import LossContract


class TestSCRAPL(LossContract):
    part = "scrapl"


class TestTwoUniformPaths(LossContract):
    part = "scrapl"
    options = {"paths": 2, "uniform": 1.0}  # noqa: RUF012


NU = torch.rand(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
AWAY = NU + 0.05 * torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture(scope="module")
def problem():
    synth = invsound.make("synth", "amfm", num_samples=1024)
    return invsound.Problem(synth, invsound.make("feature", "mss", signal=synth.signal, n_fft=[256, 64, 32]))


def make(problem, **options):
    loss = invsound.make("loss", "scrapl", problem=problem, **options)
    loss.calibrate(loss.prepare(NU))
    return loss


def gradient(loss, side):
    nu_hat = AWAY.clone().requires_grad_()
    return torch.autograd.grad(loss(nu_hat, NU, side).sum(), nu_hat)[0]


def test_value_and_gradient_are_unbiased(problem):
    ddsp = invsound.make("loss", "ddsp", problem=problem)
    loss = make(problem, paths=64)
    side = loss.prepare(NU)
    whole = ddsp.prepare(NU)
    torch.testing.assert_close(side, whole[:, :-1])
    values, gradients = [], []
    for _ in range(12):
        values.append(loss(AWAY, NU, side).detach())
        gradients.append(gradient(loss, side))
        loss.adapt(1.0)
    for drawn, expected in ((values, ddsp(AWAY, NU, whole)), (gradients, gradient(ddsp, whole))):
        drawn = torch.stack(drawn)
        error = (drawn.mean(0) - expected.detach()).abs()
        spread = drawn.std(0) / len(drawn) ** 0.5
        assert (spread > 0).all()
        assert (error < 5 * spread).all()
        assert (spread < 0.2 * expected.abs().amax()).all()


def test_all_paths_weighted_by_their_probabilities_are_the_spectral_loss(problem):
    loss, ddsp = make(problem), invsound.make("loss", "ddsp", problem=problem)
    side = loss.prepare(NU)
    x, p = problem.render(AWAY), loss.probability
    each = torch.stack([torch.stack([loss.distance(x[i : i + 1], side[i], [k]) for i in range(4)]) for k in range(3)])
    torch.testing.assert_close(p @ each, ddsp(AWAY, NU, ddsp.prepare(NU)).detach())


def test_importance_is_the_share_of_the_metric(problem):
    loss = make(problem, sounds=3, uniform=0.25)
    share = torch.rand(3, 3, generator=torch.Generator().manual_seed(0))
    J = problem.jacobian(problem.space.at(share)).double()
    norms = torch.stack([(J[:, b].mT @ J[:, b]).square().sum((1, 2)).mean().sqrt() for b in loss.blocks])
    torch.testing.assert_close(loss.probability, 0.75 * norms / norms.sum() + 0.25 / 3)
    assert loss.probability.max() > 2 * loss.probability.min()
    assert torch.equal(make(problem, uniform=1.0).probability, torch.full((3,), 1 / 3, dtype=torch.float64))


def test_draws_follow_the_importance_the_epoch_and_the_sound(problem):
    loss = make(problem, paths=4000)
    side = loss.prepare(NU)
    counts = torch.bincount(torch.tensor(loss.draws(NU, side)).flatten(), minlength=3) / 16_000
    torch.testing.assert_close(counts.double(), loss.probability, atol=0.03, rtol=0)
    first = loss.draws(NU, side)
    assert first == loss.draws(NU, side)
    assert len({tuple(row) for row in first}) == 4
    loss.adapt(1.0)
    assert first != loss.draws(NU, side)
    kept = loss.eval().draws(NU, side)
    loss.adapt(1.0)
    assert kept == loss.draws(NU, side)
    assert invsound.make("loss", "scrapl", problem=problem, paths=4000, seed=1).draws(NU, side) != first


def test_a_feature_without_paths_makes_it_the_spectral_loss():
    synth = invsound.make("synth", "amfm", num_samples=1024)
    problem = invsound.Problem(synth, invsound.make("feature", "sot", signal=synth.signal))
    loss, ddsp = make(problem), invsound.make("loss", "ddsp", problem=problem)
    side = loss.prepare(NU)
    torch.testing.assert_close(loss(AWAY, NU, side), ddsp(AWAY, NU, ddsp.prepare(NU)))


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = ["synth.num_samples=1024", "feature.n_fft=[256,64]", "data.train=8", "data.val=4", "data.test=2", "train.epochs=3"]
    how = {"overrides": [*small, "evaluate.scores=[mss]", "evaluate.micro=false"], "quiet": True}

    def stop(record):
        if record["epoch"] == 1:
            raise KeyboardInterrupt

    whole = invsound.run("amfm", "mss", "scrapl", out="whole", **how)
    with pytest.raises(KeyboardInterrupt):
        invsound.run("amfm", "mss", "scrapl", out="cut", on_epoch=stop, **how)
    assert invsound.resume("cut", quiet=True)["scores"] == whole["scores"]
