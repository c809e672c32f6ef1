"""A nuisance is drawn from a seed per sound: J and what is prepared have that of the sound, estimates have another."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import invsound as inv
from invsound.data import column, columns
from invsound.problem import Problem
from invsound.runs import config
from invsound.runs.parts import Parts
from invsound.testing import toys

NU = torch.rand(3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
SMALL = ["data.train=8", "data.val=4", "data.test=4", "train.epochs=1", "feature.n_fft=[64]", "evaluate.scores=[mss]", "evaluate.sounds=1"]


@dataclass
class SprayOptions:
    """Of a tone whose level is a nuisance.

    low: its lowest level
    """

    low: float = 1.0


class Spray(toys.Spray):
    """A tone whose level is a nuisance."""

    Options = SprayOptions

    def __init__(self, options):
        super().__init__()
        self.options = options


class Doubling(inv.Loss):
    """What is rendered around ν by `prepare`, in batches of other sizes than its own."""

    Options = toys.NoOptions

    def prepare(self, nu):
        return self.problem(nu.repeat_interleave(2, 0))[::2, :4]

    def forward(self, nu_hat, nu, side):
        return (nu_hat - nu).square().sum(1)


def test_an_ordinary_synth_asks_for_no_seed():
    tone = toys.Tone()
    assert not tone.nuisance
    with pytest.raises(inv.InvsoundError, match="nuisance = True in Tone"):
        tone.seeds(NU)


def test_sounds_are_those_of_their_seeds_and_estimates_have_seeds_of_their_own():
    synth = toys.Spray()
    theta = synth.space.to_theta(NU)
    with synth.at((5, 6, 5)):
        given = synth(theta)
    alone = [synth(row[None]) for row in theta]
    assert torch.equal(synth(theta), torch.cat(alone))
    assert (given - synth(theta)).norm() > 0.1 * given.norm()
    with synth.at(5):
        torch.testing.assert_close(synth(theta)[[0, 2]], given[[0, 2]])
    assert len(set(synth.seeds(theta))) == 3
    assert synth.seeds(theta.float()) == synth.seeds(theta.float().double())
    with synth.at((1, 2)), pytest.raises(inv.InvsoundError, match="2 seeds for 3 sounds"):
        synth(theta)


@pytest.mark.parametrize("how", ["forward", "finite"])
def test_the_jacobian_is_at_the_seed_of_the_sound(how):
    synth = toys.Spray()
    problem = Problem(synth, toys.Projection(synth.signal), inv.problem.ProblemOptions(jacobian=how, step=1e-5))
    for seeds in ((3, 4, 3), None):
        with synth.at(seeds if seeds else synth.seeds(synth.space.to_theta(NU))):
            h = 1e-6 * torch.eye(2, dtype=torch.float64)
            expected = torch.stack([(problem(NU + step) - problem(NU - step)) / 2e-6 for step in h], -1)
        with synth.at(seeds):
            torch.testing.assert_close(problem.jacobian(NU), expected, rtol=1e-6, atol=1e-6)
    assert synth.seed is None


def parts(loss, seed=0, **more):
    given = {"synth": Spray, "feature": "mss", "loss": loss}
    layer = inv.runs.given.layer(given)
    return Parts(config.resolve(layer, {"seed": seed, "feature": {"n_fft": [64]}, "evaluate": {"scores": ["mss"]}, **more}))


def test_what_is_prepared_is_of_each_sounds_own_seed():
    ready = parts("pnp")
    nu = NU.float()
    R = column.column_of(ready, "side", nu, (8, 9, 8))
    for row, seed, factor in zip(nu, (8, 9, 8), R, strict=True):
        with ready.synth.at(seed):
            assert torch.equal(ready.problem.metric_factor(row[None])[0], factor)
    assert not torch.equal(R, column.column_of(ready, "side", nu, (8, 9, 9)))
    with ready.synth.at((8, 9, 8)):
        torch.testing.assert_close(column.column_of(ready, "inputs", nu, (8, 9, 8)), ready.front_end.prepare(ready.render(nu)))


def test_a_loss_may_prepare_batches_of_any_size():
    ready, nu = parts(Doubling), NU.float()
    with ready.synth.at((8, 9, 8)):
        expected = ready.problem(nu)[:, :4]
    torch.testing.assert_close(column.column_of(ready, "side", nu, (8, 9, 8)), expected)


def test_seeds_follow_the_draw_and_keep_their_rows_as_a_fold_grows():
    ready = parts("ploss", seed=3)
    assert columns.seeds_of(ready, "train", 5)[:3] == columns.seeds_of(ready, "train", 3)
    seeds = [set(columns.seeds_of(parts("ploss", **given), fold, 8)) for given in ({"seed": 3}, {"seed": 4}) for fold in ("train", "test")]
    assert len(set.union(*seeds)) == 32
    shared = [columns.seeds_of(parts("ploss", seed=seed, data={"seed": 1}), "train", 4) for seed in (3, 4)]
    assert shared[0] == shared[1]


def test_a_run_prepares_scores_and_repeats_sounds_at_their_seeds(tmp_path):
    first = inv.run(Spray, "mss", "pnp", overrides=SMALL, out=tmp_path / "first", quiet=True)
    again = inv.run(Spray, "mss", "pnp", overrides=SMALL, out=tmp_path / "again", quiet=True)
    assert (first["scores"], first["parameters"]) == (again["scores"], again["parameters"])
    rows = list(csv.DictReader(Path("first/predictions.csv").read_text().splitlines()))
    assert len({row["seed"] for row in rows}) == 4
    synth = Spray(SprayOptions())
    theta = torch.tensor([[float(rows[0][f"{kind}_{name}"]) for name in synth.space.names] for kind in ("true", "predicted")])
    with synth.at(int(rows[0]["seed"])):
        x = synth(theta)[0]
    heard = soundfile.read("first/audio/test-00-target.wav", dtype="float32")[0]
    np.testing.assert_allclose(heard, x.numpy(), atol=2e-4)
    guessed = soundfile.read("first/audio/test-00-reconstruction.wav", dtype="float32")[0]
    assert np.abs(guessed - synth(theta[1:])[0].numpy()).max() < np.abs(guessed).max()


def test_spectral_losses_render_estimates_with_other_seeds(tmp_path):
    ready = parts("ddsp")
    nu = NU.float()
    S = column.column_of(ready, "side", nu, (8, 9, 8))
    loss = ready.loss
    at_the_truth = loss(nu, nu, S)
    assert (at_the_truth > 0).all()
    with ready.synth.at((8, 9, 8)):
        assert (loss(nu, nu, S) < 1e-9).all()
    assert torch.equal(loss(nu, nu, S), at_the_truth)


def test_matching_has_a_seed_for_the_nuisance():
    small = ["feature.n_fft=[64]", "match.candidates=16", "match.starts=1", "match.evaluations=40"]
    matcher = inv.Matcher(Spray, "mss", None, [*small, "match.nuisance=5"], quiet=True)
    synth = Spray(SprayOptions())
    theta = synth.space.to_theta(matcher.candidates)
    with synth.at(5):
        torch.testing.assert_close(matcher.dictionary, matcher.problem.feature(synth(theta)))
        x = synth(theta[:1])[0]
    found = matcher(x.numpy(), 8000)
    with synth.at(5):
        torch.testing.assert_close(found.x_hat, synth(synth.space.to_theta(found.nu[None]))[0])
    assert inv.Matcher(Spray, "mss", None, [*small, "match.nuisance=6"], quiet=True)(x.numpy(), 8000).distance != found.distance


def test_render_takes_a_seed_and_says_it(invsound):
    small = ["--synth", "granular", "synth.num_samples=2048", "synth.size=512"]
    sounds = {}
    for seed in (None, 0, 1):
        asked = invsound("render", *small, *([] if seed is None else ["--seed", seed]), "--out", "x.wav")
        assert f"seed={seed or 0}" in asked.stdout
        sounds[seed] = Path("x.wav").read_bytes()
    assert sounds[None] == sounds[0] != sounds[1]
    refused = invsound("render", "--synth", "amfm", "--seed", "1")
    assert (refused.exit_code, "has no nuisance" in refused.stderr) == (2, True)


def test_the_radius_is_that_of_one_seed():
    found = inv.radius(Spray, "mss", overrides=["feature.n_fft=[64]"], sounds=2, quiet=True)
    assert min(errors[0] for errors in found.errors.values()) < 1e-3
