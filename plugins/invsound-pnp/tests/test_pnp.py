"""Laws of the PNP loss."""

import pytest
import torch

import invsound
from invsound import registry

INITIAL = 100.0


@pytest.fixture(scope="module")
def problem():
    synth = invsound.make("synth", "amfm", num_samples=2048)
    return invsound.Problem(synth, invsound.make("feature", "mss", signal=synth.signal, n_fft=[256, 64]))


@pytest.fixture(scope="module")
def nu():
    return torch.rand(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5


@pytest.fixture(scope="module")
def R(problem, nu):
    return problem.metric_factor(nu)


def make(problem, R, **options):
    loss = registry.build("loss", "pnp", options, problem=problem)
    loss.calibrate(R)
    return loss


def test_pnp_tends_to_ddsp_linearly(problem, nu, R):
    pnp = make(problem, R, scale=1.0).eval()
    ddsp = registry.build("loss", "ddsp", problem=problem)
    S = ddsp.prepare(nu)
    direction = torch.randn(nu.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def error(step):
        nu_hat = nu + step * direction
        return (pnp(nu_hat, nu, R) / ddsp(nu_hat, nu, S) - 1).abs()

    steps = (1e-4, 1e-5)
    coarse, fine = error(steps[0]), error(steps[1])
    assert fine.max() < 1e-2
    torch.testing.assert_close(coarse / fine, torch.full_like(fine, 10.0), rtol=0.3, atol=0)


def test_the_form_is_that_of_the_metric(problem, nu, R):
    J = problem.jacobian(nu)
    e = torch.linspace(-0.1, 0.1, 12, dtype=torch.float64).reshape(4, 3)
    expected = 0.5 * torch.einsum("bp,bdp,bdq,bq->b", e, J, J, e)
    torch.testing.assert_close(make(problem, R, scale=1.0).eval()(nu + e, nu, R), expected)


@pytest.mark.parametrize("matrix", ["identity", "diagonal", "mean"])
def test_the_damping_is_added_in_training_only(problem, nu, R, matrix):
    loss = make(problem, R, scale=2.0, initial=INITIAL, matrix=matrix)
    e = torch.full_like(nu, 0.01)
    M = R.mT @ R
    D = {"identity": torch.eye(3, dtype=torch.float64).expand_as(M), "diagonal": M * torch.eye(3), "mean": M.mean(0).expand_as(M)}[matrix]
    form = torch.einsum("bp,bpq,bq->b", e, M, e)
    damper = torch.einsum("bp,bpq,bq->b", e, D, e)
    torch.testing.assert_close(loss.train()(nu + e, nu, R), form + INITIAL * damper)
    torch.testing.assert_close(loss.eval()(nu + e, nu, R), form)


def test_the_volume_weighs_examples(problem, nu, R):
    e = torch.full_like(nu, 0.01)
    ratio = make(problem, R, volume=True).eval()(nu + e, nu, R) / make(problem, R).eval()(nu + e, nu, R)
    s = torch.linalg.eigvalsh(R.mT @ R)
    weight = (s[:, -1] * s[:, -2]).sqrt()
    torch.testing.assert_close(ratio, weight / weight.mean())


def test_the_initial_damping_is_the_square_of_the_largest_eigenvalue(problem, R):
    largest = torch.linalg.eigvalsh(R.mT @ R).max()
    torch.testing.assert_close(make(problem, R).damping, largest**2)
    assert make(problem, R, initial=3.0).damping == 3


def test_adaptive_damping_falls_on_success_and_brakes_on_failure(problem, R):
    loss = make(problem, R, initial=INITIAL, brake=10.0)
    loss.adapt(1.0)
    assert loss.damping == pytest.approx(5.0)
    loss.adapt(2.0)
    assert loss.damping == pytest.approx(50.0)
    loss.adapt(2.0)
    assert loss.damping == pytest.approx(INITIAL)
    loss.adapt(0.5)
    assert loss.damping == pytest.approx(5.0)


def test_scheduled_damping_is_geometric_and_ends_at_one(problem, R):
    loss = make(problem, R, initial=INITIAL, damping="scheduled", epochs=2)
    path = []
    for _ in range(4):
        loss.adapt(1.0)
        path.append(float(loss.damping))
    assert path == pytest.approx([10, 1, 1, 1])
    constant = make(problem, R, initial=INITIAL, damping="constant")
    constant.adapt(0.0)
    assert constant.damping == INITIAL


def test_scale_auto_keeps_the_loss_of_order_one_for_any_damping(problem, nu, R):
    e = torch.full_like(nu, 0.1)
    for initial in (1e-6, 1.0, 1e12):
        value = make(problem, R, initial=initial).train()(nu + e, nu, R)
        assert 1e-4 < float(value.mean()) < 1.0


def test_the_state_is_in_the_checkpoint(problem, R):
    loss = make(problem, R)
    loss.adapt(1.0)
    other = make(problem, R)
    other.load_state_dict(loss.state_dict())
    assert other.damping == loss.damping
    assert other.best == 1


def test_a_representation_that_does_not_react_is_refused(problem):
    with pytest.raises(invsound.InvsoundError, match="does not react to any parameter"):
        make(problem, torch.zeros(3, 3, 3, dtype=torch.float64))


@pytest.mark.parametrize(
    "wrong", [{"damping": "often"}, {"matrix": "full"}, {"initial": -1.0}, {"decay": 0.0}, {"scale": "big"}, {"scale": 0.0}]
)
def test_wrong_options_are_refused(problem, wrong):
    with pytest.raises(invsound.UsageError, match="loss pnp: " + next(iter(wrong))):
        registry.build("loss", "pnp", wrong, problem=problem)
