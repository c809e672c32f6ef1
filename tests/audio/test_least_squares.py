"""Laws of least_squares: no row gets worse, none knows of another, what is linear is solved, bounds hold."""

import itertools

import pytest
import torch

import invsound

K, D, Q = 6, 7, 3


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=generator(seed))


def cost(residual, q):
    return residual(q).square().sum(1)


def linear(seed=0, rows=K):
    """q → Aq − b with A [rows, D, Q] and b [rows, D] of each row's own, and where it is least."""
    A, b = drawn(rows, D, Q, seed=seed), drawn(rows, D, seed=seed + 1)
    return lambda q: (A @ q[..., None])[..., 0] - b, torch.linalg.lstsq(A, b[..., None]).solution[..., 0]


def sines(t, y):
    """q = (amplitude, frequency, decay) → the error of a decaying sine: many minima, flat and steep places."""
    return lambda q: q[:, :1] * torch.exp(-q[:, 2:] * t) * torch.sin(q[:, 1:2] * t) - y


@pytest.fixture
def wavy():
    t = torch.linspace(0, 3, 40, dtype=torch.float64)
    truth = torch.tensor([[1.0, 4.0, 0.5]], dtype=torch.float64) * (1 + 0.3 * drawn(K, Q, seed=2).tanh())
    return sines(t, sines(t, 0)(truth)), truth


def test_what_is_linear_is_solved():
    residual, best = linear()
    found = invsound.least_squares(residual, drawn(K, Q, seed=5), steps=20)
    torch.testing.assert_close(found, best, rtol=1e-9, atol=1e-9)


def test_what_is_linear_is_solved_however_its_coordinates_are_scaled():
    residual, best = linear()
    scale = torch.tensor([1e-4, 1.0, 1e4], dtype=torch.float64)
    found = invsound.least_squares(lambda q: residual(q * scale), drawn(K, Q, seed=5) / scale, steps=20)
    torch.testing.assert_close(found * scale, best, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 12])
@pytest.mark.parametrize("longest", [torch.inf, 0.05])
def test_no_row_gets_worse(wavy, steps, longest):
    residual, _ = wavy
    q = 5 * drawn(K, Q, seed=3)
    found = invsound.least_squares(residual, q, steps=steps, longest=longest)
    assert (cost(residual, found) <= cost(residual, q)).all()
    assert torch.equal(found, q) if steps == 0 else (found - q).abs().max() <= steps * longest * (1 + 1e-9)


def test_more_steps_are_never_worse(wavy):
    residual, truth = wavy
    costs = [cost(residual, invsound.least_squares(residual, truth + 0.2, steps=steps)) for steps in range(8)]
    assert all((after <= before).all() for before, after in itertools.pairwise(costs))


def test_near_the_truth_the_truth_is_found(wavy):
    residual, truth = wavy
    found = invsound.least_squares(residual, truth * 1.05)
    torch.testing.assert_close(found, truth, rtol=1e-8, atol=1e-8)


def test_a_batch_gives_each_row_what_it_has_alone():
    t = torch.linspace(0, 3, 40, dtype=torch.float64)
    y, q = drawn(K, 40, seed=6), drawn(K, Q, seed=7)
    together = invsound.least_squares(sines(t, y), q, low=-2.0, high=2.0, longest=0.5)
    alone = torch.cat([invsound.least_squares(sines(t, y[k : k + 1]), q[k : k + 1], low=-2.0, high=2.0, longest=0.5) for k in range(K)])
    torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-9)
    order = torch.randperm(K, generator=generator())
    turned = invsound.least_squares(sines(t, y[order]), q[order], low=-2.0, high=2.0, longest=0.5)
    torch.testing.assert_close(turned, together[order], rtol=1e-9, atol=1e-9)


def test_bounds_hold_and_what_is_beyond_them_ends_at_them():
    best = drawn(K, Q, seed=8)
    low, high = torch.tensor([-0.5, -torch.inf, 0.0]), torch.tensor([0.5, 0.1, torch.inf])
    found = invsound.least_squares(lambda q: q - best, torch.zeros(K, Q, dtype=torch.float64), low=low, high=high, steps=20)
    torch.testing.assert_close(found, best.clamp(low.double(), high.double()), rtol=1e-12, atol=1e-12)


def test_bounds_hold_at_every_step(wavy):
    residual, truth = wavy
    low, high = truth.min() - 0.1, truth.max()
    for steps in range(1, 6):
        found = invsound.least_squares(residual, (truth + 1).clamp(low, high), low=low, high=high, steps=steps)
        assert ((low <= found) & (found <= high)).all()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_row_without_numbers_stays_where_it_is_and_spoils_no_other(bad):
    residual, best = linear()
    q = drawn(K, Q, seed=5)
    spoilt = torch.zeros(K, 1, dtype=torch.float64)
    spoilt[2] = bad
    found = invsound.least_squares(lambda q: residual(q) + spoilt, q, steps=20)
    good = torch.arange(K) != 2
    torch.testing.assert_close(found[good], best[good], rtol=1e-9, atol=1e-9)
    assert torch.equal(found[2], q[2])


def test_a_row_without_numbers_does_not_stop_the_others(wavy):
    residual, truth = wavy
    spoilt = torch.zeros(K, 1, dtype=torch.float64)
    spoilt[2] = torch.nan
    start, good = truth * 1.05, torch.arange(K) != 2
    found = invsound.least_squares(lambda q: residual(q) + spoilt, start, steps=20, enough=0.01)
    torch.testing.assert_close(found[good], truth[good], rtol=1e-6, atol=1e-6)


def test_a_step_to_where_there_are_no_numbers_is_not_taken():
    """√(q) − 2 from 100: a whole step leads to q < 0."""
    q = torch.full((2, 1), 100.0, dtype=torch.float64)
    found = invsound.least_squares(lambda q: q.sqrt() - 2, q, steps=40)
    torch.testing.assert_close(found, torch.full_like(found, 4.0))


def test_a_coordinate_that_does_nothing_is_left_alone():
    best = drawn(K, Q, seed=8)
    weight = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    q = drawn(K, Q, seed=9)
    found = invsound.least_squares(lambda q: weight * (q - best), q, steps=20)
    torch.testing.assert_close(found, torch.where(weight > 0, best, q), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_is_that_of_q_and_q_is_left_as_it_was(dtype):
    q = drawn(K, Q).to(dtype)
    kept = q.clone()
    assert invsound.least_squares(lambda q: q - 1, q, low=0.0, high=torch.full((Q,), 2.0)).dtype == dtype
    assert torch.equal(q, kept)


def test_it_stops_when_twice_in_a_row_little_is_gained():
    calls = []

    def residual(q):
        calls.append(1)
        return q - 1

    invsound.least_squares(residual, drawn(K, 1), steps=50, enough=0.01)
    stopped, few = len(calls), len(calls)
    calls.clear()
    invsound.least_squares(residual, drawn(K, 1), steps=50)
    assert few < 12 < stopped + len(calls)
    assert len(calls) == 51


def test_derivatives_are_those_of_torch(wavy):
    residual, truth = wavy
    r, J = invsound.derivatives(residual, truth)
    torch.testing.assert_close(r, residual(truth))
    whole = torch.func.jacfwd(residual)(truth)
    torch.testing.assert_close(J, torch.stack([whole[k, :, k] for k in range(K)]))


def test_newton_solves_the_damped_normal_equations():
    J, r, damping = drawn(K, D, Q), drawn(K, D, seed=1), drawn(K, Q, seed=2).abs()
    expected = torch.linalg.solve(J.mT @ J + torch.diag_embed(damping), -(J.mT @ r[..., None]))[..., 0]
    torch.testing.assert_close(invsound.newton(J, r, damping), expected, rtol=1e-9, atol=1e-9)


def test_descent_solves_what_is_linear_and_says_how_far_each_is():
    A, best = drawn(D, Q), torch.tensor([0.3, -0.8, 0.5], dtype=torch.float64)
    found, distance = invsound.descend(lambda q: (q - best) @ A.T, 0.5 * drawn(K, Q, seed=1).tanh(), 8)
    torch.testing.assert_close(found, best.expand(K, -1), atol=1e-9, rtol=0)
    assert distance.max() < 1e-8
    assert distance.tolist() == sorted(distance.tolist())


def test_in_descent_what_is_held_by_its_bound_does_not_hold_the_others():
    A, beyond = drawn(D, Q), torch.tensor([0.2, 3.0, -0.2], dtype=torch.float64)
    found, _ = invsound.descend(lambda q: (q - beyond) @ A.T, torch.zeros(1, Q, dtype=torch.float64), 20)
    others = torch.linalg.lstsq(A[:, [0, 2]], A @ beyond - A[:, 1]).solution
    torch.testing.assert_close(found[0], torch.stack([others[0], torch.ones_like(others[0]), others[1]]), atol=1e-6, rtol=0)


def test_descent_never_gets_worse_and_stops_when_told(wavy):
    q = (wavy[1] * 1.1 / 10).clamp(-1, 1)
    wide = lambda q: sines(torch.linspace(0, 3, 40, dtype=torch.float64), 0.7)(10 * q)  # noqa: E731
    before, steps = wide(q).norm(dim=1), []
    found, distance = invsound.descend(wide, q, 6)
    assert (distance.sort()[0] <= before.sort()[0]).all()
    torch.testing.assert_close(wide(found).norm(dim=1), distance)
    unmoved, _ = invsound.descend(wide, q, 6, stop=lambda: steps.append(1) is None)
    assert steps == [1]
    assert {tuple(row) for row in unmoved.tolist()} == {tuple(row) for row in q.tolist()}


def test_descent_takes_a_jacobian_that_is_given_and_leaves_a_row_that_is_no_number():
    target, asked = torch.tensor([0.3, -0.4, 0.1], dtype=torch.float64), []

    def residual(q):
        return torch.where((q[:, :1] > 0.9).expand(-1, Q), torch.nan, q - target)

    def jacobian(q):
        asked.append(len(q))
        return torch.eye(Q, dtype=torch.float64).expand(len(q), Q, Q)

    lost = torch.tensor([0.95, 0.0, 0.0], dtype=torch.float64)
    found, distance = invsound.descend(residual, torch.stack([lost, torch.zeros_like(lost)]), 6, jacobian=jacobian)
    torch.testing.assert_close(found[0], target, atol=1e-9, rtol=0)
    assert (found[1].tolist(), bool(distance[1].isnan())) == (lost.tolist(), True)
    assert set(asked) == {1}


def test_what_is_random_is_the_same_in_every_direction():
    q = torch.rand(3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    made, J = invsound.derivatives(lambda q: q.sum(1, keepdim=True) * (1 + torch.rand(3, 1, dtype=torch.float64)), q)
    torch.testing.assert_close(J, (made / q.sum(1, keepdim=True))[..., None].expand(3, 1, 2))
