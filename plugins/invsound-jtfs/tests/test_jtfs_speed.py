"""What is fast gives what is slow: compiled loops and plain torch, several threads and one, stretches of time and all of it at once."""

import logging

import pytest
import torch
from invsound_jtfs import native, threads
from invsound_jtfs.jtfs import JTFS, JTFSOptions
from invsound_jtfs.lowpass import Lowpass
from invsound_jtfs.modulus import Loops
from invsound_jtfs.products import Filters

from invsound import Signal


@pytest.fixture
def _threads(monkeypatch):
    monkeypatch.setattr(threads, "WORTH", 1)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def noise(*shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def make(N=600, **options):
    return JTFS(Signal(100.0, N), JTFSOptions(**{"J": 6, "Q": (4, 1), "J_fr": 2, **options}))


def all_modes(feature, x):
    dx = noise(3, *x.shape)
    backward = torch.autograd.functional.vjp(lambda x: feature(x).square().sum(), x)[1]
    return feature(x), backward, torch.func.vmap(lambda v: torch.func.jvp(feature, (x,), (v,))[1])(dx)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_compiler_of_this_machine_is_used_if_there_is_one(dtype):
    try:
        native.build(dtype)
    except OSError:
        pytest.skip("no C compiler")
    loops = native.loops(dtype, torch.device("cpu"), True)
    assert isinstance(loops, native.Native)
    assert native.disagreement(loops, Loops(), dtype) < 100 * torch.finfo(dtype).eps


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize(
    ("n", "R", "alone", "C", "T"), [(1, 1, 1, 1, 2), (3, 1, 0, 2, 1), (7, 5, 3, 2, 64), (40, 10, 1, 9, 1024), (130, 3, 2, 1, 512)]
)
def test_compiled_rows_are_plain_rows_of_any_number(n, R, alone, C, T, total):
    generator = torch.Generator().manual_seed(R)
    rows, Y = (torch.randn(*shape, generator=generator, dtype=torch.complex128) for shape in ((R, n), (n, C, 2 * T)))
    rows[R // 2, n // 2 :] *= 1e-20
    f, outs = Filters.of(rows.numpy(), alone, 1e-17, dtype=torch.float64), []
    for loops in (native.loops(torch.float64, torch.device("cpu"), True), Loops()):
        outs.append(torch.full((2 * R - alone, C, 1 if total else 2 * T), 0.5, dtype=torch.float64))
        loops.push(f, Y[..., :T], outs[-1][..., :1] if total else outs[-1][..., :T], total)
    assert (outs[0] - outs[1]).abs().max() <= 1e-13 * outs[1].abs().max()


def test_a_span_leaves_out_what_is_negligible_and_no_more():
    rows = torch.tensor([[0, 1e-9, 1, 0, 2j, 0], [1e-30, 0, 0, 0, 0, 1e-20], [0, 0, 0, 0, 0, 0]], dtype=torch.complex128)
    spans = Filters.of(rows.numpy(), 1, 1e-9).spans
    assert [list(range(6))[first:last] for first, last in spans[:2]] == [[2, 3, 4], [5]]


@pytest.mark.parametrize("options", [{}, {"T": 32}, {"T": 0}], ids=str)
def test_compiled_is_plain(options):
    x = noise(2, 600)
    for fast, slow in zip(all_modes(make(**options), x), all_modes(make(**options, compile=False), x), strict=True):
        assert (fast - slow).abs().max() <= 1e-12 * slow.abs().max()


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("options", [{}, {"T": 32}, {"T": 0}, {"compile": False}], ids=str)
def test_the_same_bits_from_any_number_of_threads(options):
    feature, x, results = make(**options), noise(2, 600), []
    for count in (1, 3):
        torch.set_num_threads(count)
        results.append(all_modes(feature, x))
        assert torch.get_num_threads() == count
    assert all(torch.equal(one, three) for one, three in zip(*results, strict=True))


@pytest.mark.usefixtures("_threads")
def test_threads_are_given_back_when_a_piece_fails():
    torch.set_num_threads(2)
    with pytest.raises(ZeroDivisionError), threads.team(noise(1, 40)) as spread:
        list(spread(lambda n: 1 / n, [1, 0]))
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("compiler", "reason"), [("no-such-compiler", "No such file"), ("false", "non-zero exit status")])
def test_without_a_compiler_one_line_says_so(compiler, reason, monkeypatch, caplog):
    monkeypatch.setenv("CC", compiler)
    native.loops.cache_clear()
    with caplog.at_level(logging.INFO, "invsound"):
        chosen = [native.loops(torch.float32, torch.device("cpu"), True) for _ in range(2)]
    native.loops.cache_clear()
    assert [type(loops) for loops in chosen] == [Loops, Loops]
    assert len(caplog.messages) == 1
    assert reason in caplog.messages[0]


def test_loops_that_are_wrong_are_not_used(monkeypatch, caplog):
    class Wrong(Loops):
        def __init__(self, dtype):
            pass

        def modulus(self, z):
            return 1.01 * Loops.modulus(z)

    monkeypatch.setattr(native, "Native", Wrong)
    native.loops.cache_clear()
    with caplog.at_level(logging.INFO, "invsound"):
        chosen = native.loops(torch.float32, torch.device("cpu"), True)
    native.loops.cache_clear()
    assert type(chosen) is Loops
    assert "differ from plain torch" in caplog.text


@pytest.mark.parametrize("compiled", [True, False])
def test_numbers_too_small_to_square_have_small_derivatives(compiled):
    z = torch.full((1, 2, 4), 1e-25 + 0j, dtype=torch.complex64)
    m = native.loops(torch.float32, torch.device("cpu"), compiled).modulus(z)
    assert m.abs().max() < 1e-24


@pytest.mark.parametrize(("source", "target", "width"), [(1024, 4, 9), (1024, 512, 301), (2048, 2048, 1025), (64, 16, 64)])
def test_lowpass_in_stretches_is_the_filter_in_the_fourier_domain(source, target, width):
    weights = torch.linspace(-3, 3, width).square().neg().exp().double().numpy()
    lowpass = Lowpass.of(-(width // 2), weights, source, target, 1e-17, dtype=torch.float64)
    x, response = noise(2, 3, source), torch.zeros(source, dtype=torch.float64)
    response.index_add_(0, torch.arange(-(width // 2), width - width // 2) % source, torch.from_numpy(weights))
    expected = torch.fft.ifft(torch.fft.fft(x) * response)[..., :: source // target].real
    t = min(source, 256)
    stretches = [(slice(at, at + t), x[..., at : at + t]) for at in range(0, source, t)]
    frames = lowpass.push(stretches, 2, 3)
    assert (frames - expected).abs().max() < 1e-13 * source
    g = noise(6, target)
    pull = lowpass.pull(g)
    transposed = torch.cat([pull(when) for when, _ in stretches], -1)
    assert float((transposed * x.flatten(0, 1)).sum()) == pytest.approx(float((frames.flatten(0, 1) * g).sum()))
