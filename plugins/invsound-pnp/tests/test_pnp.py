"""Laws of the PNP loss."""

import pytest
import torch

import invsound

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
    loss = invsound.make("loss", "pnp", problem=problem, **options)
    loss.calibrate(R)
    return loss


def test_pnp_tends_to_ddsp_linearly(problem, nu, R):
    pnp = make(problem, R, scale=1.0).eval()
    ddsp = invsound.make("loss", "ddsp", problem=problem)
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
    with pytest.raises(invsound.InvsoundError, match="there is nothing to learn from"):
        make(problem, torch.zeros(3, 3, 3, dtype=torch.float64))


BEYOND = [{"shape": shape, "each": each} for shape in ("root", "saturating") for each in (False, True)]


def hessian(loss, nu, R):
    return torch.autograd.functional.hessian(lambda at: loss(at[None], nu[None], R[None]).sum(), nu)


@pytest.mark.parametrize("options", BEYOND)
def test_every_shape_has_the_hessian_of_the_form_at_the_truth(problem, nu, R, options):
    loss = make(problem, R, scale=1.0, **options).eval()
    for row, factor in zip(nu, R, strict=True):
        M = factor.mT @ factor
        torch.testing.assert_close(hessian(loss, row, factor), M, atol=1e-7 * float(M.abs().max()), rtol=1e-6)


@pytest.mark.parametrize("options", BEYOND)
def test_every_shape_is_monotone_and_below_the_form(problem, nu, R, options):
    loss, plain = make(problem, R, scale=1.0, **options).eval(), make(problem, R, scale=1.0).eval()
    e = torch.randn(nu.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    steps = torch.logspace(-6, 2, 33, dtype=torch.float64)
    values = torch.stack([loss(nu + t * e, nu, R) for t in steps])
    forms = torch.stack([plain(nu + t * e, nu, R) for t in steps])
    assert (values.diff(dim=0) > 0).all()
    assert (values <= forms * (1 + 1e-12)).all()
    torch.testing.assert_close(values[0], forms[0], rtol=1e-3, atol=0)
    growth = (values[-1] / values[-5]).log10()  # over a decade of |e|
    expected = 1.0 if options["shape"] == "root" else 0.0
    torch.testing.assert_close(growth, torch.full_like(growth, expected), atol=0.05, rtol=0)


def test_what_saturates_stays_below_the_typical_distance_and_each_direction_by_itself(problem, nu, R):
    u = torch.rand(32, 3, generator=torch.Generator().manual_seed(0))
    S = problem(2 * u - 1).double()
    d = torch.pdist(S).median()
    far = nu + 100
    whole, each = (make(problem, R, scale=1.0, shape="saturating", each=each).eval()(far, nu, R) for each in (False, True))
    assert (whole < 0.5 * d**2).all()
    assert (whole > 0.499 * d**2).all()
    assert (each < 3 * 0.5 * d**2).all()
    assert (each > 2.5 * 0.5 * d**2).all()
    assert (make(problem, R, scale=1.0, shape="saturating", bound=2.0).eval()(far, nu, R) < 2).all()


def test_one_bad_direction_does_not_drown_the_rest(problem, nu, R):
    V = torch.linalg.svd(R).Vh
    e = 10 * V[:, 0] + 1e-4 * V[:, 2]

    def slope(each):  # along the flattest direction
        at = (nu + e).requires_grad_()
        loss = make(problem, R, scale=1.0, shape="saturating", each=each).eval()
        (g,) = torch.autograd.grad(loss(at, nu, R).sum(), at)
        return (g * V[:, 2]).sum(1)

    undisturbed = torch.linalg.svdvals(R)[:, 2].square() * 1e-4
    assert (slope(each=False) < 0.01 * undisturbed).all()
    torch.testing.assert_close(slope(each=True), undisturbed, rtol=1e-3, atol=0)


def test_the_damping_can_be_relative_to_each_sounds_own_spectrum(problem, nu, R):
    loss = make(problem, R, scale=1.0, matrix="own")
    assert loss.damping == 1
    e = torch.full_like(nu, 0.01)
    largest = torch.linalg.eigvalsh(R.mT @ R)[:, -1]
    added = loss.train()(nu + e, nu, R) - loss.eval()(nu + e, nu, R)
    torch.testing.assert_close(added, 0.5 * largest * e.square().sum(1))
    louder = R * torch.tensor([1.0, 10.0, 100.0, 1000.0], dtype=torch.float64)[:, None, None]
    ratio = loss.train()(nu + e, nu, louder) / loss.train()(nu + e, nu, R)
    torch.testing.assert_close(ratio, torch.tensor([1.0, 1e2, 1e4, 1e6], dtype=torch.float64))


def test_balanced_examples_pull_alike_whatever_their_loudness(problem, nu, R):
    e = torch.full_like(nu, 0.01)
    louder = R * torch.tensor([1.0, 10.0, 100.0, 1000.0], dtype=torch.float64)[:, None, None]
    for matrix in ("identity", "diagonal", "own"):
        loss = make(problem, R, balance=True, matrix=matrix, initial=0.1)
        for mode in (True, False):
            torch.testing.assert_close(loss.train(mode)(nu + e, nu, louder), loss(nu + e, nu, R))
    lead = make(problem, R, balance=True, damping="constant", initial=0.1, scale=1.0)
    M = R.mT @ R
    trace = M.diagonal(dim1=1, dim2=2).sum(1)
    expected = 0.5 * torch.einsum("bp,bpq,bq->b", e, M, e) / trace + 0.1 * 0.5 * e.square().sum(1)
    torch.testing.assert_close(lead.train()(nu + e, nu, R), expected)


def test_the_smoothed_metric_is_the_mean_over_a_cube(problem, nu):
    loss = invsound.make("loss", "pnp", problem=problem, radius=0.2, samples=4)
    R = loss.prepare(nu)
    cube = 2 * torch.quasirandom.SobolEngine(3, scramble=True, seed=0).draw(4).double() - 1
    factors = torch.stack([problem.metric_factor((nu + 0.2 * shift).clamp(-1, 1)) for shift in cube])
    M = (factors.mT @ factors).mean(0)
    torch.testing.assert_close(R.mT @ R, M, atol=1e-9 * float(M.abs().max()), rtol=1e-9)
    near = invsound.make("loss", "pnp", problem=problem, radius=1e-9).prepare(nu)
    exact = problem.metric_factor(nu)
    torch.testing.assert_close(near.mT @ near, exact.mT @ exact, rtol=1e-4, atol=1e-4 * float(M.abs().max()))
    assert loss.prepare_options == ("radius", "samples")


def test_the_directions_add_up_to_the_form(problem, nu, R):
    e = torch.linspace(-0.1, 0.1, 12, dtype=torch.float64).reshape(4, 3)
    loss = make(problem, R, scale=1.0).eval()
    parts = loss.directions(nu + e, nu, R)
    torch.testing.assert_close(parts.sum(1), loss(nu + e, nu, R))
    s, V = torch.linalg.eigh(R.mT @ R)
    torch.testing.assert_close(parts.flip(1), 0.5 * s * (V.mT @ e[:, :, None])[:, :, 0] ** 2, atol=1e-9, rtol=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": "round"},
        {"bound": 0.0},
        {"radius": -1.0},
        {"samples": 0},
        {"damping": "often"},
        {"matrix": "full"},
        {"initial": -1.0},
        {"decay": 0.0},
        {"scale": "big"},
        {"scale": 0.0},
    ],
)
def test_wrong_options_are_refused(problem, wrong):
    with pytest.raises(invsound.UsageError, match="loss pnp: .*" + next(iter(wrong))):
        invsound.make("loss", "pnp", problem=problem, **wrong)
