"""Laws of the transform: both modes of differentiation, independence of rows, silence, short and odd lengths, options, errors."""

import math

import numpy as np
import pytest
import torch
from invsound_jtfs.filters import bank, lowpass
from invsound_jtfs.jtfs import JTFS, JTFSOptions
from invsound_jtfs.score import JTFSDistance

from invsound import Signal

SMALL = {"J": 4, "Q": (4, 1), "J_fr": 2}
VARIANTS = {
    "global": {},
    "raw": {"log": False, "order0": True},
    "joint": {"format": "joint", "F": 4},
    "local": {"T": 16, "F": "global", "padding": "zero"},
    "short T": {"T": 4, "F": 0},
    "no average": {"T": 0, "F": 2, "order0": True},
    "two per octave": {"Q": (4, 2), "Q_fr": 2},
    "plain torch": {"compile": False},
    "plain torch, local": {"T": 8, "compile": False},
}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make(N=40, **options):
    return JTFS(Signal(100.0, N), JTFSOptions(**{**SMALL, **options}))


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def close(a, b, tolerance=1e-12):
    assert a.shape == b.shape
    assert (a - b).abs().max() <= tolerance * b.abs().max()


@pytest.fixture(params=VARIANTS, name="feature")
def _feature(request):
    return make(**VARIANTS[request.param])


def test_gradients_of_both_modes(feature):
    mix = noise(feature(noise(1, 40)).shape[1], 3)
    x = noise(1, 40).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: feature(x) @ mix, x, check_forward_ad=True)


def test_jacfwd_is_jacrev(feature):
    x, mix = noise(2, 40), noise(feature(noise(1, 40)).shape[1], 3)
    forward, reverse = torch.func.jacfwd(lambda x: feature(x) @ mix)(x), torch.func.jacrev(lambda x: feature(x) @ mix)(x)
    close(forward, reverse)
    assert (forward[0, :, 1] == 0).all()


def test_batch_is_loop(feature):
    x = noise(3, 40)
    close(feature(x), torch.cat([feature(row[None]) for row in x]))
    close(torch.func.vmap(lambda row: feature(row[None])[0])(x), feature(x))
    assert feature(x[:0]).shape == (0, feature(x).shape[1])


def test_directions_travel_together_or_alone(feature):
    x, dx = noise(2, 40), noise(11, 2, 40, seed=1)
    push = lambda dx: torch.func.jvp(feature, (x,), (dx,))[1]  # noqa: E731
    close(torch.func.vmap(push)(dx), torch.stack([push(v) for v in dx]))
    per_row = torch.func.vmap(lambda row, v: torch.func.jvp(feature, (row[None],), (v[None],))[1][0])(x, dx[0])
    close(per_row, push(dx[0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_silence(feature, dtype):
    x = torch.zeros(2, 40, dtype=dtype, requires_grad=True)
    S = feature(x)
    assert (S == 0).all()
    assert torch.autograd.grad(S.sum(), x)[0].isfinite().all()
    assert torch.func.jvp(feature, (x,), (noise(2, 40, dtype=dtype),))[1].isfinite().all()


def test_half_silent_sound_has_finite_derivatives(feature):
    x = noise(1, 40)
    x[:, 10:] = 0
    assert torch.func.jacfwd(feature)(x).isfinite().all()


@pytest.mark.parametrize("N", [16, 17, 31, 33, 100, 255])
@pytest.mark.parametrize("options", [{}, {"T": 16}, {"T": 0}, {"padding": "zero"}], ids=str)
def test_short_and_odd_lengths(N, options):
    feature, impulse = make(N, **options), torch.zeros(1, N)
    impulse[:, N // 2] = 1
    S = feature(impulse)
    assert S.isfinite().all()
    assert (S >= 0).all()
    assert S.max() > 0


def test_positively_homogeneous_and_blind_to_sign():
    feature, x = make(100, log=False), noise(1, 100)
    close(feature(-3 * x), 3 * feature(x))


def test_log_and_order0():
    x = noise(2, 40)
    plain, full = make(log=False)(x), make(log=False, order0=True)(x)
    close(full[:, 1:], plain)
    close(make()(x), torch.log1p(1e3 * plain))
    S0 = make(order0=True)(x)[:, 0]
    close(S0, full[:, 0].sign() * torch.log1p(1e3 * full[:, 0].abs()))
    assert full[:, 0].min() < 0


def test_global_order0_is_the_sum_of_the_padded_sound():
    x = noise(1, 40)
    close(make(log=False, order0=True, padding="zero")(x)[:, 0], x.sum(1))


def test_reversing_time_swaps_the_spins():
    n = torch.arange(1024, dtype=torch.float64) - 511.5
    cycles = 0.12 * 32 / math.log(2) * 2 ** (n / 32).clamp(max=1.5)  # up one octave in 32 samples
    x = (torch.sin(2 * torch.pi * cycles) * torch.exp(-((n / 40) ** 2)))[None]
    feature = make(1024, J=7, Q=(8, 1), format="joint", log=False)
    rising, falling = (feature(x).view(39, 40)[4:].view(5, 7, 40) for x in (x, x.flip(1)))  # n2, (low-pass, 3 up, 3 down), n1
    up, down = rising[:, 1:4], rising[:, 4:]
    assert (up - falling[:, 4:]).norm() < 1e-3 * up.norm()
    assert (up - down).norm() > 0.1 * up.norm()


def test_zero_padding_ignores_what_reflection_repeats():
    x = noise(1, 40)
    assert (make(padding="zero")(x) - make()(x)).norm() > 1e-2


def test_does_not_touch_its_input(feature):
    x = noise(2, 40)
    before = x.clone()
    feature(x)
    assert (x == before).all()


def test_score_is_a_distance():
    score = JTFSDistance(Signal(100.0, 40), JTFSOptions(**SMALL))
    x, y = noise(2, 40), noise(2, 40, seed=1)
    close(score(x, y), (score.feature(x) - score.feature(y)).norm(dim=1))
    assert (score(x, x) == 0).all()
    assert score(torch.zeros(2, 40), torch.zeros(2, 40)).isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"J": 6}, "choose J ≤ 5"),
        ({"T": 64}, "choose T ≤ 40"),
        ({"F": 64}, "choose less"),
        ({"T": "globl"}, "got 'globl'"),
        ({"F": -1}, "F is 'global' or 0 to 65536"),
        ({"Q": (1, 2, 3)}, "one or two numbers"),
        ({"Q_fr": 0}, "Q_fr is 1 to 128"),
        ({"format": "frequency"}, "'time' or 'joint'"),
        ({"padding": "constant"}, "'reflect' or 'zero'"),
        ({"format": "joint", "F": 0}, "choose format='time'"),
    ],
    ids=str,
)
def test_errors_say_what_to_choose(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_wrong_length_is_refused():
    with pytest.raises(ValueError, match="audio \\[B, 40\\]"):
        make()(noise(1, 41))


def test_options_from_a_config_file():
    assert JTFSOptions(Q=[8, 2]).Q == (8, 2)
    assert JTFSOptions(Q=8).Q == (8, 1)
    assert JTFSOptions(T="4096").T == 4096


@pytest.mark.parametrize(("J", "Q", "N"), [(13, 12, 65536), (8, 1, 4096), (6, 3, 1024)])
def test_windows_hold_the_whole_spectrum(J, Q, N):
    for psi in [*bank(J, Q), lowpass(2**J)]:
        first, values = psi.window(N, 1e-17)
        rebuilt = np.zeros(N)
        rebuilt[np.arange(first, first + len(values)) % N] = values
        assert np.abs(rebuilt - psi.spectrum(N)).max() < 1e-12
