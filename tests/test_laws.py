"""Laws that every shipped part keeps: rows are independent, dtype follows, Jacobians are derivatives."""

import pytest
import torch

import invsound
from invsound.hooks import registry
from invsound.problem import ProblemOptions
from invsound.testing import Subject

SMALL = {
    "amfm": {"num_samples": 1024},
    "ftm": {"num_samples": 1024, "num_modes": 3},
    "string": {"num_samples": 1024, "num_modes": 5},
    "drum": {"num_samples": 1024, "num_modes": 3},
    "ddsp": {"num_samples": 1024},
    "granular": {"num_samples": 1024, "size": 256, "grains": 8},
    "faust": {},
}
FEATURES = {"jtfs": {"J": 6, "Q": [4, 1], "J_fr": 2}, "mss": {"n_fft": [256, 64]}, "logmel": {"bands": 16}, "sot": {}, "timbre": {}}
DTYPES = (torch.float32, torch.float64)


def names(kind):
    return [o.part.name for o in registry.offers(kind)]


def smooth_synths():
    """Those that have derivatives."""
    return [o.part.name for o in registry.offers("synth") if registry.load(o).differentiable]


def draw(synth, count, dtype=torch.float64, seed=0):
    if synth.space.discrete:
        return synth.space.at(torch.rand(count, len(synth.space), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).to(
            dtype
        )
    return (torch.rand(count, len(synth.space), generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 1.8 - 0.9).to(dtype)


def synth_of(name):
    return Subject(registry.find("synth", name), SMALL[name]).build()


def feature_of(name, signal):
    return registry.build("feature", name, FEATURES[name], signal=signal)


def noise(signal, count, dtype=torch.float64):
    return torch.randn(count, signal.num_samples, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", names("synth"))
def test_synth_batch_is_loop_and_dtype_follows(name, dtype):
    synth = synth_of(name)
    theta = synth.space.to_theta(draw(synth, 3, dtype))
    x = synth(theta)
    assert x.shape == (3, synth.signal.num_samples)
    assert x.dtype == dtype
    assert x.isfinite().all()
    loop = torch.cat([synth(row[None]) for row in theta])
    torch.testing.assert_close(x, loop, atol=1e-5 if dtype == torch.float32 else 1e-12, rtol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", names("feature"))
def test_feature_batch_is_loop_dtype_follows_and_silence_is_finite(name, dtype):
    signal = invsound.Signal(8192, 1024)
    feature = feature_of(name, signal)
    x = torch.cat([noise(signal, 3, dtype), torch.zeros(1, 1024, dtype=dtype)]).requires_grad_()
    S = feature(x)
    assert S.dtype == dtype
    assert S.isfinite().all()
    loop = torch.cat([feature(row[None]) for row in x])
    torch.testing.assert_close(S, loop, atol=1e-5 * float(S.detach().max()) if dtype == torch.float32 else 1e-11, rtol=0)
    (gradient,) = torch.autograd.grad(S.square().sum(), x)
    assert gradient.isfinite().all()
    assert not gradient[3].any()


@pytest.mark.parametrize("feature", names("feature"))
@pytest.mark.parametrize("synth", smooth_synths())
def test_the_jacobian_is_the_derivative(synth, feature):
    g = synth_of(synth)
    problem = invsound.Problem(g, feature_of(feature, g.signal))
    nu = draw(g, 2)
    J = problem.jacobian(nu)
    for p in range(len(g.space)):
        scale, errors = J[:, :, p].norm(dim=1).clamp_min(1e-6 * J.norm()), []
        for h in (1e-7, 1e-6):  # the one for what is rough, the other for what is faint and drowns in rounding
            step = torch.zeros_like(nu)
            step[:, p] = h
            central = (problem(nu + step) - problem(nu - step)) / (2 * h)
            errors.append(float(((J[:, :, p] - central).norm(dim=1) / scale).max()))
        assert min(errors) < 1e-4


@pytest.mark.parametrize("synth", smooth_synths())
def test_reverse_mode_agrees_with_forward_mode(synth):
    g = synth_of(synth)
    problem = invsound.Problem(g, feature_of("mss", g.signal))
    nu = draw(g, 2).requires_grad_()
    weight = torch.randn(problem(nu).shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    (gradient,) = torch.autograd.grad((problem(nu) * weight).sum(), nu)
    torch.testing.assert_close(
        gradient, torch.einsum("bdp,bd->bp", problem.jacobian(nu.detach()), weight), rtol=1e-6, atol=1e-6 * float(gradient.abs().max())
    )


def test_the_jacobian_does_not_depend_on_the_chunk_and_rows_are_independent():
    g = synth_of("ftm")
    problem = invsound.Problem(g, feature_of("mss", g.signal))
    nu = draw(g, 3)
    J = problem.jacobian(nu)
    row_by_row = invsound.Problem(g, problem.feature, ProblemOptions(budget=1e-6))
    torch.testing.assert_close(row_by_row.jacobian(nu), J, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(problem.jacobian(nu[1:2])[0], J[1], rtol=1e-9, atol=1e-9)
    R = problem.metric_factor(nu)
    torch.testing.assert_close(R.mT @ R, J.mT @ J)
    assert R.shape == (3, 5, 5)


def test_the_factor_is_square_when_the_feature_is_smaller_than_the_space(tiny):
    class Three(invsound.Feature):
        def forward(self, x):
            return x[:, :1]

    g = invsound.make("synth", tiny)
    R = invsound.Problem(g, Three(g.signal, None)).metric_factor(draw(g, 2))
    assert R.shape == (2, 2, 2)


@pytest.mark.parametrize("name", names("score"))
def test_a_score_is_zero_at_the_target_and_finite_on_silence(name):
    signal = invsound.Signal(8192, 4096)
    score = registry.build("score", name, FEATURES[name] if name == "jtfs" else {}, signal=signal)
    x = noise(signal, 2, torch.float32)
    silence = torch.zeros_like(x)
    assert float(score(x, x).abs().max()) < 1e-4
    assert (score(x, silence) > 0).all()
    assert score(silence, x).isfinite().all()
    assert score(silence, silence).abs().max() < 1e-4
    torch.testing.assert_close(score(x, x.flip(0)), torch.cat([score(x[:1], x[1:]), score(x[1:], x[:1])]))


@pytest.mark.parametrize("name", ["ploss", "pnp", "ddsp"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_loss_is_zero_and_flat_at_the_truth_and_row_wise(name, dtype):
    g = synth_of("amfm")
    loss = registry.build("loss", name, problem=invsound.Problem(g, feature_of("mss", g.signal)))
    nu = draw(g, 3, dtype)
    side = loss.prepare(nu)
    loss.calibrate(side)
    for mode in (True, False):
        loss.train(mode)
        nu_hat = nu.clone().requires_grad_()
        value = loss(nu_hat, nu, side)
        assert value.shape == (3,)
        assert not value.any()
        (gradient,) = torch.autograd.grad(value.sum(), nu_hat)
        assert not gradient.any()
        away = (nu + 0.01).requires_grad_()
        apart = loss(away, nu, side)
        assert (apart > 0).all()
        alone = torch.cat([loss(away[i : i + 1], nu[i : i + 1], side[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(apart, alone, rtol=1e-4, atol=0)
